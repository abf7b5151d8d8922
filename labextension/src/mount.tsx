/** A place of JupyterLab, the sidebar or a tab, that shows a widget of the panel's kernel. */
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message as LuminoMessage } from '@lumino/messaging';
import { Panel, type Widget } from '@lumino/widgets';
import React from 'react';
import { Button, Loading, Message } from './kit';
import { KernelProblem } from './link';
import { type Choice, type Condition, type PanelSession } from './session';
import { copy } from './shell';

class Notice extends ReactWidget {
  private element = <></>;

  draw(element: JSX.Element): void {
    this.element = element;
    this.update();
  }

  protected render(): JSX.Element {
    return this.element;
  }
}

export class Mount extends Panel {
  private content: Widget | null = null;
  private contentId = '';
  private shown = 0; // the generation that is shown or on its way
  private problem = '';
  private readonly notice = new Notice();

  /** `call` is what to ask of neronet_jupyter.panel for the id of the widget. */
  constructor(
    private readonly session: PanelSession,
    private readonly call: string,
    private readonly kernels: () => Choice[]
  ) {
    super();
    this.addClass('nn-mount');
    this.notice.addClass('nn');
    this.notice.addClass('nn-notice');
    this.notice.hide();
    this.addWidget(this.notice);
    session.changed.connect(this.look, this);
  }

  dispose(): void {
    this.session.changed.disconnect(this.look, this);
    super.dispose();
  }

  protected onAfterShow(message: LuminoMessage): void {
    super.onAfterShow(message);
    this.session.start();
    this.look();
  }

  protected onAfterAttach(message: LuminoMessage): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.onAfterShow(message);
    }
  }

  private look(): void {
    const { condition, generation } = this.session;
    if (condition.phase === 'live' && this.shown !== generation && this.isVisible) {
      this.shown = generation;
      void this.build(generation);
    }
    const live = condition.phase === 'live' && (!this.content || this.shown === generation);
    this.content?.toggleClass('nn-not-live', !live || Boolean(this.problem));
    this.tell(condition);
  }

  private async build(generation: number): Promise<void> {
    const link = this.session.link;
    if (!link) {
      return;
    }
    try {
      const id = await link.call(this.call);
      const same = id === this.contentId && this.content && !this.content.isDisposed;
      if (!same || !(await link.model(id)).comm_live) {
        const content = await link.view(id);
        if (this.isDisposed || generation !== this.session.generation) {
          content.dispose();
          return;
        }
        this.content?.dispose();
        this.content = content;
        this.contentId = id;
        content.addClass('nn-content');
        this.addWidget(content);
      }
      this.problem = '';
    } catch (error) {
      if (generation !== this.session.generation || !(error instanceof Error)) {
        return;
      }
      this.problem = error instanceof KernelProblem ? error.message : `It cannot be shown: ${error.message}`;
    }
    this.look();
  }

  private tell(condition: Condition): void {
    const starting = condition.phase === 'starting' || (condition.phase === 'live' && !this.content);
    const quiet = condition.phase === 'idle' || (condition.phase === 'live' && this.content && !this.problem);
    this.notice.setHidden(Boolean(quiet));
    if (quiet) {
      this.notice.draw(<></>);
      return;
    }
    const stale = this.content && this.session.liveUntil ? clock(this.session.liveUntil) : '';
    this.notice.draw(
      this.problem && condition.phase === 'live' ? (
        <Message kind="bad" text={this.problem}>
          <Button onClick={() => this.again()}>Try again</Button>
        </Message>
      ) : starting ? (
        <Loading key="starting" what="Starting" />
      ) : (
        <Trouble condition={condition} since={stale} session={this.session} kernels={this.kernels()} />
      )
    );
  }

  private again(): void {
    this.problem = '';
    this.shown = 0;
    this.look();
  }
}

function Trouble(props: { condition: Condition; since: string; session: PanelSession; kernels: Choice[] }): JSX.Element {
  const { condition, since, session, kernels } = props;
  const text = (
    <>
      {since && <b>{`Not live since ${since}. `}</b>}
      {condition.text}
      {condition.command && <code className="nn-command">{condition.command}</code>}
    </>
  );
  return (
    <Message kind={condition.phase === 'stopped' ? 'bad' : 'info'} text={text}>
      {condition.phase === 'stopped' && (
        <>
          {condition.command && <Button onClick={() => copy(condition.command ?? '')}>Copy the command</Button>}
          <Button onClick={() => session.retry()}>{condition.command ? 'Try again' : 'Start it again'}</Button>
          {condition.choose &&
            kernels
              .filter(({ name }) => name !== session.link?.connection.kernel?.name)
              .map(({ name, label }) => (
                <Button key={name} onClick={() => void session.use(name)}>
                  {`Use ${label}`}
                </Button>
              ))}
        </>
      )}
    </Message>
  );
}

/** The time of day, with the day if it is another one. */
export function clock(milliseconds: number, now = Date.now()): string {
  const time = new Date(milliseconds);
  const hours = time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
  const today = time.toDateString() === new Date(now).toDateString();
  return today ? hours : `${time.toLocaleDateString([], { day: 'numeric', month: 'short' })} ${hours}`;
}

