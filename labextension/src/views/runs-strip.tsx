/** The strip above the table: which runs are shown; once some are selected, what can be done with them. */
import React from 'react';
import type { Act } from '../base';
import { Button, Confirm, Icon, IconButton, LinkButton, Menu, StateIcon, type Item } from '../kit';
import type { IconName } from '../icons';
import { copy, execute, openFolder, openNotebook, openRun } from '../shell';
import { NoteInput } from './runs-rows';
import { type Counted, Tags } from './tags';

export interface Selected {
  count: number;
  open: number;
  waiting: number;
  held: number;
  ended: number;
  failed: number;
  tags: Counted[];
  runs: string;
  one: number | null;
  folder: string;
  note: string;
}

export interface State {
  total: number;
  shown: number;
  kinds: [string, number][];
  filter: string;
  chosen: string[];
  chip: string;
  group: string;
  sort: string;
  down: boolean;
  metric: string;
  small: boolean;
  selected: Selected;
  fresh: string;
  news: { id: number; text: string };
  problem: string;
  wide: boolean;
  duplicate: boolean;
}

export type Asking = '' | 'terminate' | 'delete' | 'export' | 'note' | 'tag';

interface StripProps {
  state: State;
  act: Act;
  ask: (work: () => Promise<void>) => void;
  say: (text: React.ReactNode) => void;
  asking: Asking;
  setAsking: (what: Asking) => void;
  words: boolean;
  /** Gives the focus back to the table. */
  leave: () => void;
}

const WORDS: Record<string, string> = { waiting: 'wait' };

/** How many runs there are in each state, to be chosen. */
export function Kinds({ state, act, ask, words }: Pick<StripProps, 'state' | 'act' | 'ask' | 'words'>): JSX.Element {
  const choose = (kind: string, more: boolean): void => {
    const on = state.chosen.includes(kind);
    const kept = more ? state.chosen.filter(one => one !== kind) : [];
    ask(() => act('kinds', { kinds: on && (more || state.chosen.length === 1) ? kept : [...kept, kind] }));
  };
  return (
    <span className={words ? 'nn-seg nn-kinds' : 'nn-kinds'} role="group" aria-label="which runs">
      <button
        type="button"
        className={`nn-tog${state.chosen.length ? '' : ' nn-on'}`}
        aria-pressed={!state.chosen.length}
        onClick={() => ask(() => act('kinds', { kinds: [] }))}
      >
        All {state.total.toLocaleString('en')}
      </button>
      {state.kinds.map(([kind, count]) => (
        <button
          key={kind}
          type="button"
          className={`nn-tog${state.chosen.includes(kind) ? ' nn-on' : ''}`}
          aria-pressed={state.chosen.includes(kind)}
          title={`${count} ${WORDS[kind] ?? kind}; with Ctrl or Shift several`}
          onClick={event => choose(kind, event.ctrlKey || event.metaKey || event.shiftKey)}
        >
          <StateIcon state={kind === 'waiting' ? 'queued' : kind} />
          {count.toLocaleString('en')}
          {words && ` ${WORDS[kind] ?? kind}`}
        </button>
      ))}
    </span>
  );
}

/** What the order that is held back would bring. */
export function Fresh({ state, act, ask }: Pick<StripProps, 'state' | 'act' | 'ask'>): JSX.Element | null {
  if (!state.fresh) {
    return null;
  }
  return (
    <LinkButton title="The order stays while you point or select. Show it as it is now." onClick={() => ask(() => act('reorder'))}>
      {state.fresh}
    </LinkButton>
  );
}

export function Chosen({ state, act, ask }: Pick<StripProps, 'state' | 'act' | 'ask'>): JSX.Element | null {
  if (!state.chip) {
    return null;
  }
  return (
    <span className="nn-chip">
      <bdi>{state.chip}</bdi>
      <button type="button" className="nn-ib" aria-label="Show all runs again" title="Show all runs again" onClick={() => ask(() => act('unchip'))}>
        <Icon name="x" />
      </button>
    </span>
  );
}

/** What can be done with the selected runs. */
export function Actions(props: StripProps): JSX.Element {
  const { state, act, ask, asking, setAsking, words } = props;
  const chosen = state.selected;
  if (asking === 'terminate' || asking === 'delete') {
    return <Sure {...props} />;
  }
  if (asking === 'note') {
    const save = (text: string | null): void => {
      setAsking('');
      if (text !== null) {
        ask(() => act('note', { text }));
      }
    };
    return (
      <div className="nn-strip nn-act">
        <span className="nn-s">Note</span>
        <NoteInput text={chosen.note} save={save} />
      </div>
    );
  }
  if (asking === 'tag') {
    const done = (): void => (setAsking(''), props.leave());
    return (
      <div className="nn-strip nn-act" onKeyDown={event => event.key === 'Escape' && done()}>
        <span className="nn-s">Tags</span>
        <Tags tags={chosen.tags} runs={chosen.count} act={act} ask={ask} autoFocus onDone={done} />
        <IconButton icon="x" label="Done (Escape)" onClick={done} />
      </div>
    );
  }
  if (asking === 'export') {
    return <Export {...props} />;
  }
  const doings = useDoings(props);
  const button = (name: string, icon: IconName, label: string, title: string): JSX.Element =>
    words ? (
      <Button key={name} icon={icon} title={title} onClick={() => doings[name]()}>
        {label}
      </Button>
    ) : (
      <IconButton key={name} icon={icon} label={title} onClick={() => doings[name]()} />
    );
  return (
    <div className="nn-strip nn-act" role="toolbar" aria-label="selected runs">
      <b className="nn-s nn-many">{chosen.count.toLocaleString('en')} selected</b>
      <Fresh {...props} />
      <span className={words ? 'nn-gap' : 'nn-grow'} />
      {button('plot', 'plot', 'Plot', 'Plot')}
      {button('compare', 'compare', 'Compare', 'Compare')}
      {chosen.one !== null && button('log', 'log', 'Log', 'Log')}
      {chosen.ended > 0 && button('rerun', 'rerun', 'Rerun', chosen.ended > 1 ? `Rerun ${chosen.ended}` : 'Rerun')}
      {words && button('tag', 'tag', 'Tag', 'Tags (T)')}
      {chosen.open > 0 && button('terminate', 's-terminated', `Terminate ${chosen.open}`, `Terminate ${chosen.open}`)}
      <span className="nn-moremenu">
        <Menu icon="dots" label="More" items={more(props, doings)} />
      </span>
      {words && <span className="nn-grow" />}
      <IconButton icon="x" label="Clear the selection (Escape)" onClick={() => ask(() => act('select', { how: 'none' }))} />
    </div>
  );
}

function more({ state, setAsking, words }: StripProps, doings: Record<string, () => void>): Item[] {
  const { one, failed, ended, waiting, held, count } = state.selected;
  const items: (Item | false)[] = [
    { label: 'Copy', icon: 'copy', onClick: doings.copy },
    { label: 'Copy as Python', icon: 'copy', onClick: doings.python },
    { label: 'Frame in a notebook', icon: 'open', onClick: doings.notebook },
    one !== null && { label: 'Open the results', icon: 'folder', onClick: doings.results },
    { label: 'Note…', icon: 'file', onClick: () => setAsking('note') },
    !words && { label: 'Tags…', icon: 'tag', onClick: doings.tag },
    failed > 0 && failed < ended && { label: `Rerun ${failed} that did not finish`, icon: 'rerun', onClick: doings.rerunFailed },
    waiting > 0 && { label: `Hold ${waiting}`, icon: 'pin', onClick: doings.hold },
    held > 0 && { label: `Release ${held}`, icon: 'pin', onClick: doings.release },
    one !== null && state.duplicate && { label: 'Duplicate in the sweep', icon: 'zip', onClick: doings.duplicate },
    { label: 'Export…', icon: 'save', onClick: () => setAsking('export') },
    ended > 0 && { label: ended === count ? `Delete ${ended}` : `Delete ${ended} that have ended`, icon: 'x', onClick: () => setAsking('delete') }
  ];
  return items.filter((item): item is Item => item !== false);
}

/** What the buttons, the menu and the keys do. */
export function useDoings({ state, act, ask, say, setAsking }: StripProps): Record<string, () => void> {
  const chosen = state.selected;
  const noted = (name: string, args = {}): void =>
    ask(async () => {
      const { notes } = await act<{ notes: string[] }>(name, args);
      if (notes.length) {
        say(notes.join('. '));
      }
    });
  const text = (name: string, what: string): void =>
    ask(async () => {
      copy(await act<string>(name));
      say(`Copied ${what}.`);
    });
  return {
    plot: () => (chosen.one === null ? void execute('neronet:compare', { runs: chosen.runs }) : void openRun(chosen.one)),
    compare: () => void execute('neronet:compare', { runs: chosen.runs }),
    log: () => chosen.one !== null && void openRun(chosen.one),
    rerun: () => noted('rerun'),
    rerunFailed: () => noted('rerun', { failed: true }),
    hold: () => noted('hold'),
    release: () => noted('release'),
    tag: () => setAsking('tag'),
    terminate: () => setAsking('terminate'),
    delete: () => setAsking('delete'),
    copy: () => text('text', chosen.count === 1 ? '1 run' : `${chosen.count} runs`),
    python: () => text('python', 'a line of Python'),
    notebook: () => ask(async () => openNotebook(await act<string>('cell'))),
    results: () => void openFolder(chosen.folder),
    duplicate: () => ask(() => act('duplicate'))
  };
}

/** Asks where it was asked; the focus is on the answer that changes nothing. */
function Sure({ state, act, ask, say, asking, setAsking }: StripProps): JSX.Element {
  const ends = asking === 'terminate';
  const count = ends ? state.selected.open : state.selected.ended;
  const runs = count === 1 ? '1 run' : `${count.toLocaleString('en')} runs`;
  return (
    <Confirm
      question={ends ? `Terminate ${runs}?` : `Delete ${runs} with results, for good?`}
      yes={ends ? 'Terminate' : 'Delete'}
      onYes={() => {
        setAsking('');
        ask(async () => {
          const said = await act<{ notes: string[] } | void>(asking);
          if (said?.notes.length) {
            say(said.notes.join('. '));
          }
        });
      }}
      onNo={() => setAsking('')}
    />
  );
}

function Export({ act, ask, say, setAsking }: StripProps): JSX.Element {
  const [name, setName] = React.useState('runs.csv');
  const write = (): void =>
    ask(async () => {
      const path = await act<string>('export', { name });
      setAsking('');
      say(
        <>
          Written to <span className="nn-mono">{path}</span>{' '}
          <LinkButton onClick={() => void openFolder(path.replace(/[\\/][^\\/]*$/, ''))}>Show the folder</LinkButton>
        </>
      );
    });
  return (
    <div className="nn-strip nn-act" onKeyDown={event => event.key === 'Escape' && setAsking('')}>
      <label className="nn-s nn-row nn-grow">
        To
        <input
          className="nn-in nn-mono nn-grow"
          aria-label="name of the file: .csv or .json"
          autoFocus
          value={name}
          onChange={event => setName(event.target.value)}
          onKeyDown={event => event.key === 'Enter' && write()}
        />
      </label>
      <Button onClick={write}>Export</Button>
      <Button onClick={() => setAsking('')}>Cancel</Button>
    </div>
  );
}
