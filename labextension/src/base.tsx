/**
 * What every part has in common: a React component that shows the state of a widget in the kernel and asks it for
 * acts.  Text from nodes, logs and names reaches the page only as React children, never as HTML.
 */
import { DOMWidgetModel, DOMWidgetView } from '@jupyter-widgets/base';
import type { ISerializers } from '@jupyter-widgets/base';
import type { JSONObject, JSONValue } from '@lumino/coreutils';
import React from 'react';
import { createRoot, type Root } from 'react-dom/client';
import { Loading, Message } from './kit';

const HEARTBEAT = 5000; // milliseconds; the kernel forgets a page that is silent for three of them

/** What the kernel sends to one page: an answer, or the rows that it shows of something big. */
export type News = JSONObject;

/** The kernel could not do what was asked; `hint` says what the user can do. */
export class ActError extends Error {
  constructor(
    text: string,
    readonly hint: string
  ) {
    super(text);
  }
}

export type Act = <T extends JSONValue | void = void>(name: string, args?: JSONObject) => Promise<T>;

export interface Props<S> {
  state: S;
  /** Asks the kernel; rejects with an ActError, whose text belongs where the user asked. */
  act: Act;
  /** This view's id: messages for others are not heard. */
  page: string;
  /** Hears what the kernel sends to this view, until what is returned is called. */
  onMessage: (hear: (news: News) => void) => () => void;
}

export class ViewModel extends DOMWidgetModel {
  static serializers: ISerializers = { ...DOMWidgetModel.serializers };

  defaults(): ReturnType<DOMWidgetModel['defaults']> {
    return { ...super.defaults(), _model_name: 'ViewModel', state: {} };
  }
}

interface Waiting {
  resolve: (value: never) => void;
  reject: (reason: ActError) => void;
}

/** The widget view that shows `Component`; `name` is its CSS class. */
export function view<S extends object>(Component: React.ComponentType<Props<S>>, name: string): typeof DOMWidgetView {
  return class extends DOMWidgetView {
    private page = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    private root: Root | null = null;
    private hearers = new Set<(news: News) => void>();
    private waiting = new Map<number, Waiting>();
    private asked = 0;
    private seen = false;
    private onScreen = false;
    private watcher: IntersectionObserver | null = null;
    private heart = 0;

    render(): void {
      super.render();
      this.el.classList.add('nn', name);
      this.root = createRoot(this.el);
      this.listenTo(this.model, 'change:state', this.draw);
      this.listenTo(this.model, 'msg:custom', this.hear);
      this.draw();
      this.watcher = new IntersectionObserver(entries => {
        this.onScreen = entries[entries.length - 1].isIntersecting;
        this.look();
      });
      this.watcher.observe(this.el);
      document.addEventListener('visibilitychange', this.look);
      this.heart = window.setInterval(() => this.seen && this.say('seen'), HEARTBEAT);
    }

    remove(): void {
      this.watcher?.disconnect();
      document.removeEventListener('visibilitychange', this.look);
      window.clearInterval(this.heart);
      if (this.seen) {
        this.say('unseen');
      }
      // React must not be unmounted while it renders.
      const root = this.root;
      window.setTimeout(() => root?.unmount());
      super.remove();
    }

    private look = (): void => {
      const seen = this.onScreen && document.visibilityState === 'visible';
      if (seen !== this.seen) {
        this.seen = seen;
        this.say(seen ? 'seen' : 'unseen');
      }
    };

    private say(word: string): void {
      if (this.model.comm_live) {
        this.send({ do: word, page: this.page });
      }
    }

    private act: Act = <T extends JSONValue | void>(word: string, args: JSONObject = {}): Promise<T> => {
      if (!this.model.comm_live) {
        return Promise.reject(new ActError('The kernel does not answer.', 'It is shown again when it is back.'));
      }
      const id = ++this.asked;
      this.send({ do: word, args, id, page: this.page });
      return new Promise<T>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    };

    private hear(news: News): void {
      if (news.page !== this.page) {
        return;
      }
      if (typeof news.answer !== 'number') {
        this.hearers.forEach(hear => hear(news));
        return;
      }
      const waiting = this.waiting.get(news.answer);
      this.waiting.delete(news.answer);
      const error = news.error as { text: string; hint: string } | undefined;
      if (error) {
        waiting?.reject(new ActError(error.text, error.hint));
      } else {
        waiting?.resolve((news.ok ?? undefined) as never);
      }
    }

    private onMessage = (hear: (news: News) => void): (() => void) => {
      this.hearers.add(hear);
      return () => this.hearers.delete(hear);
    };

    private draw(): void {
      const state = this.model.get('state') as S;
      this.root?.render(
        <Guard>
          {Object.keys(state).length === 0 ? (
            <Loading what="Looking at what is there" />
          ) : (
            <Component state={state} act={this.act} page={this.page} onMessage={this.onMessage} />
          )}
        </Guard>
      );
    }
  };
}

/** An error of ours in one part must not blank the others. */
class Guard extends React.Component<{ children: React.ReactNode }, { problem: string }> {
  state = { problem: '' };

  static getDerivedStateFromError(error: unknown): { problem: string } {
    return { problem: String(error) };
  }

  componentDidCatch(error: unknown): void {
    console.error('Neronet:', error);
  }

  render(): React.ReactNode {
    if (!this.state.problem) {
      return this.props.children;
    }
    return (
      <Message kind="bad" text={<>This part cannot be shown: {this.state.problem}.</>}>
        <button className="nn-btn" onClick={() => this.setState({ problem: '' })}>
          Show it again
        </button>
      </Message>
    );
  }
}
