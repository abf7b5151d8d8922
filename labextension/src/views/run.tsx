/** The tab of one run: its head with what can be done, and the side with all that is known of it. */
import React from 'react';
import { view, type Props } from '../base';
import { Button, Confirm, Icon, IconButton, LinkIcon, Menu, StateIcon, TroubleMessage, useAsk } from '../kit';
import { isIcon, type IconName } from '../icons';
import { copy, openFile, openFolder } from '../shell';
import { Tags } from './tags';

interface HeadState {
  number: number;
  name: string;
  state: string;
  ended: boolean;
  what: string;
  reason: string;
  note: string;
  tags: string[];
  results: string;
  python: string;
}

function Head({ state, act }: Props<HeadState>): JSX.Element {
  const [ask, trouble, busy, forget] = useAsk();
  const [sure, setSure] = React.useState(false);
  const [note, setNote] = React.useState<string | null>(null);
  const [said, setSaid] = React.useState('');
  const tell = (notes: string[]): void => setSaid(notes.join('. '));
  const save = (text: string): void => {
    setNote(null);
    if (text !== state.note) {
      ask(() => act('note', { text }));
    }
  };
  return (
    <>
      <div className="nn-tool" role="toolbar" aria-label={`run ${state.number}`}>
        <StateIcon state={state.state} />
        <h2 className="nn-el" title={state.name}>
          <bdi>{state.name}</bdi>
        </h2>
        <span className="nn-mut">#{state.number}</span>
        <span className="nn-grow" />
        {!state.ended && (
          <Button icon="s-terminated" disabled={busy} onClick={() => setSure(true)}>
            <span className="nn-hide-n">Terminate</span>
          </Button>
        )}
        {state.ended && (
          <Button icon="rerun" disabled={busy} onClick={() => ask(async () => tell(await act<string[]>('rerun')))}>
            <span className="nn-hide-n">Rerun</span>
          </Button>
        )}
        <Button icon="copy" onClick={() => copy(state.python)} title={state.python}>
          <span className="nn-hide-n">Copy as Python</span>
        </Button>
        <Menu
          icon="dots"
          label="More"
          items={[
            { label: 'Show results in the file browser', icon: 'folder', onClick: () => void openFolder(state.results) },
            { label: 'Copy the folder of results', icon: 'copy', onClick: () => copy(state.results) },
            { label: state.note ? 'Edit the note' : 'Write a note', icon: 'file', onClick: () => setNote(state.note) }
          ]}
        />
      </div>
      {sure && (
        <Confirm
          question={`Terminate run ${state.number}? What it wrote so far stays.`}
          yes="Terminate"
          onYes={() => {
            setSure(false);
            ask(async () => tell(await act<string[]>('terminate')));
          }}
          onNo={() => setSure(false)}
        />
      )}
      <TroubleMessage trouble={trouble} onClose={forget} />
      <div className="nn-runline nn-s">
        <b>{state.what}</b>
        {state.reason && <span className={`nn-c-${state.state}`}>{state.reason}</span>}
        {said && <span className="nn-mut">{said}</span>}
        <Tags tags={state.tags.map(tag => [tag, 1])} runs={1} act={act} ask={ask} />
        {note === null ? (
          state.note && (
            <button type="button" className="nn-link nn-note" title="Edit the note" onClick={() => setNote(state.note)}>
              {state.note}
            </button>
          )
        ) : (
          <input
            className="nn-in nn-noteedit"
            aria-label="note"
            autoFocus
            value={note}
            onChange={event => setNote(event.target.value)}
            onBlur={() => save(note)}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                save(note);
              } else if (event.key === 'Escape') {
                setNote(null);
              }
            }}
          />
        )}
      </div>
    </>
  );
}

interface Happened {
  time: number;
  kind: string;
  text: string;
  attempt: number;
  /** The numbers behind the text, in words. */
  numbers: string;
}

interface Files {
  count: number;
  files: [string, string][];
}

interface SideState {
  events: Happened[];
  conditions: { id: string; text: string; action: string; now: string }[];
  parameters: Record<string, string>;
  command: string[];
  attempt: number;
  node: { id?: string; reachable?: boolean | null; reason?: string; facts?: [string, string][] };
  sent: Files;
  results: Files;
  folder: string;
}

const KINDS: Record<string, IconName> = {
  submitted: 's-submitting',
  warning: 'l-ask',
  condition: 'l-ask',
  rule: 's-terminated',
  unreachable: 'l-down',
  adopted: 'rerun',
  withdrawn: 'left'
};

function iconOf(kind: string): IconName {
  const state = `s-${kind}`;
  return KINDS[kind] ?? (isIcon(state) ? state : 'l-ok');
}

function clock(seconds: number): string {
  const then = new Date(seconds * 1000);
  const time = then.toLocaleTimeString('en-GB');
  return then.toDateString() === new Date().toDateString() ? time : `${then.getDate()}.${then.getMonth() + 1}. ${time.slice(0, 5)}`;
}

function Part({ title, summary, children }: { title: string; summary?: string; children: React.ReactNode }): JSX.Element {
  return (
    <section aria-label={title}>
      <div className="nn-h nn-sidehead">
        <h3 className="nn-t0">{title}</h3>
        {summary && <span className="nn-sum">{summary}</span>}
      </div>
      <div className="nn-b nn-pad">{children}</div>
    </section>
  );
}

function FileRows({ files, folder, what }: { files: Files; folder: string; what: string }): JSX.Element {
  return (
    <>
      {files.files.map(([path, size]) => (
        <div className="nn-row nn-s" key={path}>
          <Icon name="file" className="nn-mut" />
          {folder ? (
            <button type="button" className="nn-link nn-el nn-grow" title={path} onClick={() => void openFile(`${folder}/${path}`)}>
              <bdi>{path}</bdi>
            </button>
          ) : (
            <span className="nn-el nn-grow" title={path}>
              <bdi>{path}</bdi> <span className="nn-mut">{what}</span>
            </span>
          )}
          <span className="nn-mut">{size}</span>
        </div>
      ))}
      {files.count > files.files.length && <div className="nn-s nn-mut">and {(files.count - files.files.length).toLocaleString('en')} more</div>}
    </>
  );
}

function Side({ state }: Props<SideState>): JSX.Element {
  const parameters = Object.entries(state.parameters);
  const command = state.command.map(word => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`)).join(' ');
  const many = state.attempt > 1;
  return (
    <div className="nn-side">
      <Part title="What happened">
        <div className="nn-ev">
          {state.events.map((event, index) => (
            <React.Fragment key={index}>
              <div className="nn-mut" title={new Date(event.time * 1000).toISOString()}>
                {clock(event.time)}
              </div>
              <div className="nn-ln">
                <Icon name={iconOf(event.kind)} className={`nn-c-${['warning', 'condition'].includes(event.kind) ? 'ask' : event.kind === 'rule' ? 'terminated' : event.kind}`} />
              </div>
              <div>
                {many && <span className="nn-mut">attempt {event.attempt}: </span>}
                {event.text}
                {event.numbers && <div className="nn-mut nn-any">{event.numbers}</div>}
              </div>
            </React.Fragment>
          ))}
        </div>
      </Part>
      {state.conditions.length > 0 && (
        <Part title="Conditions">
          {state.conditions.map(condition => (
            <div className="nn-row nn-s" key={condition.id} title={condition.id}>
              <Icon name={['warn', 'notify'].includes(condition.action) ? 'l-ask' : 's-terminated'} className="nn-c-ask" />
              <span className="nn-grow">{condition.text}</span>
              <span className="nn-mut">{condition.now}</span>
            </div>
          ))}
        </Part>
      )}
      <Part title="Parameters">
        {parameters.length > 0 && (
          <div className="nn-kv">
            {parameters.map(([name, value]) => (
              <React.Fragment key={name}>
                <span className="nn-el" title={name}>
                  {name}
                </span>
                <b className="nn-any">
                  <bdi>{value}</bdi>
                </b>
              </React.Fragment>
            ))}
          </div>
        )}
        <div className="nn-cmd nn-withcopy">
          <span>{command}</span>
          <IconButton icon="copy" label="Copy the command" onClick={() => copy(command)} />
        </div>
      </Part>
      {state.node.id && (
        <Part title="Node">
          <div className="nn-row nn-s">
            <LinkIcon link={state.node.reachable === null ? 'unknown' : state.node.reachable ? 'ready' : 'unreachable'} />
            <b>{state.node.id}</b>
            <span className="nn-mut">{state.node.reason}</span>
          </div>
          <div className="nn-kv">
            {(state.node.facts ?? []).map(([name, value], index) => (
              <React.Fragment key={index}>
                <span>{name}</span>
                <span>{value}</span>
              </React.Fragment>
            ))}
          </div>
        </Part>
      )}
      <Part title="Files" summary={`${state.sent.count.toLocaleString('en')} sent, ${state.results.count.toLocaleString('en')} results`}>
        <FileRows files={state.results} folder={state.folder} what="" />
        <FileRows files={state.sent} folder="" what="as it ran" />
      </Part>
    </div>
  );
}

export const RunHeadView = view<HeadState>(Head, 'nn-runhead');
export const RunSideView = view<SideState>(Side, 'nn-runside');
