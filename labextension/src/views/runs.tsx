/** The section Runs, and the tab with all runs. */
import React from 'react';
import { view, type Props } from '../base';
import { IconButton, LinkButton, Section, TroubleMessage, useAsk } from '../kit';
import { execute } from '../shell';
import { ColumnsMenu, Filter, GroupBy, MetricBy, SortBy, useMenus } from './runs-choose';
import type { Layout } from './runs-feed';
import { Grid } from './runs-grid';
import { Actions, type Asking, Chosen, Fresh, Kinds, type State, useDoings } from './runs-strip';

const KEYS: [string, string][] = [
  ['↑ ↓ Home End', 'move'],
  ['Space, Shift ↑ ↓', 'select, extend'],
  ['Ctrl A, Esc', 'select all, none'],
  ['Enter', 'open the run'],
  ['← →', 'close, open a group; why it failed'],
  ['/', 'filter'],
  ['F2, T', 'note, tags'],
  ['P C L', 'plot, compare, log'],
  ['R, Del', 'rerun; terminate or delete'],
  ['.', 'more'],
  ['N', 'new sweep']
];

function Runs({ state, act, page, onMessage }: Props<State>): JSX.Element {
  const [ask, trouble, , forget] = useAsk();
  const [layout, setLayout] = React.useState<Layout | null>(null);
  const [asking, setAsking] = React.useState<Asking>('');
  const [said, say] = React.useState<React.ReactNode>(null);
  const [searching, setSearching] = React.useState(false);
  const [arranging, setArranging] = React.useState(false);
  const [editing, setEditing] = React.useState<number | null>(null);
  const [help, setHelp] = React.useState(false);
  const box = React.useRef<HTMLDivElement>(null);
  const filter = React.useRef<HTMLInputElement>(null);
  const main = layout?.main ?? state.wide;
  const [menus, load] = useMenus(state, act, main, arranging || state.wide);
  const choosing = { state, act, ask, menus };
  const words = main;
  const focus = (): void => box.current?.querySelector<HTMLElement>('[role=treegrid]')?.focus();
  const strip = { state, act, ask, say, asking, setAsking, words, leave: focus };
  const doings = useDoings(strip);
  const some = state.selected.count > 0;

  React.useEffect(() => {
    if (!some) {
      setAsking('');
    }
  }, [some]);
  const search = (): void => {
    setSearching(true);
    window.setTimeout(() => filter.current?.focus());
  };
  const withSome = (number: number | null, then: () => void): void => {
    if (some) {
      then();
    } else if (number !== null) {
      ask(async () => {
        await act('select', { how: 'some', number });
        then();
      });
    }
  };
  const onKey = (key: string, number: number | null): boolean => {
    const runs: Record<string, () => void> = {
      p: doings.plot,
      c: doings.compare,
      l: () => (number !== null ? void execute('neronet:open-run', { number }) : doings.log()),
      r: doings.rerun,
      t: doings.tag,
      Delete: () => setAsking(some && !state.selected.open ? 'delete' : 'terminate'),
      '.': () => window.setTimeout(() => box.current?.querySelector<HTMLElement>('.nn-moremenu .nn-ib')?.click(), 100)
    };
    if (runs[key]) {
      withSome(number, runs[key]);
    } else if (key === 'F2') {
      if (layout?.columns.some(one => one[0] === 'note') && number !== null) {
        setEditing(number);
      } else {
        withSome(number, () => setAsking('note'));
      }
    } else if (key === '/') {
      search();
    } else if (key === '?') {
      setHelp(!help);
    } else if (key === 'n') {
      void execute('neronet:new-sweep');
    } else if (key === 'Escape') {
      if (help) {
        setHelp(false);
      } else if (some) {
        ask(() => act('select', { how: 'none' }));
      } else if (state.filter || state.chosen.length) {
        ask(async () => {
          await act('filter', { text: '' });
          await act('kinds', { kinds: [] });
        });
      }
    } else {
      return false;
    }
    return true;
  };

  const columns = <ColumnsMenu act={act} ask={ask} menus={menus} main={main} load={load} />;
  const field = <Filter ref={filter} state={state} act={act} ask={ask} leave={focus} />;
  const notes = (
    <>
      <TroubleMessage trouble={trouble} onClose={forget} />
      {said && (
        <div className="nn-msg nn-closable" role="status">
          <span>{said}</span>
          <IconButton icon="x" label="Dismiss" onClick={() => say(null)} />
        </div>
      )}
    </>
  );
  const table = (
    <>
      <div className="nn-sr" role="status" aria-live="polite">
        {state.news.text}
      </div>
      {help && <Keys />}
      <Grid
        act={act}
        page={page}
        onMessage={onMessage}
        onKey={onKey}
        onProblem={ask}
        onLayout={setLayout}
        small={state.small}
        grouped={state.group !== ''}
        selected={state.selected.count}
        editing={editing}
        setEditing={setEditing}
        name={state.chip || 'runs'}
        empty={<Nothing state={state} clear={() => onKey('Escape', null)} />}
      />
    </>
  );
  if (state.wide) {
    return (
      <div className="nn-runs nn-runswide" ref={box}>
        <div className="nn-tool" role="toolbar" aria-label="which runs">
          {field}
          <Kinds {...choosing} words={main} />
          <Chosen {...choosing} />
          <span className="nn-grow" />
          <GroupBy {...choosing} />
          {columns}
        </div>
        {some ? (
          <Actions {...strip} />
        ) : (
          <div className="nn-strip">
            <SortBy {...choosing} />
            <span className="nn-gap" />
            <MetricBy {...choosing} />
            <span className="nn-grow" />
            <Fresh {...choosing} />
          </div>
        )}
        {notes}
        {table}
      </div>
    );
  }
  const actions = (
    <>
      <IconButton icon="search" label="Filter (/)" on={searching || state.filter !== ''} onClick={() => (searching ? setSearching(false) : search())} />
      <IconButton icon="group" label="Group and sort" on={arranging} onClick={() => setArranging(!arranging)} />
      {columns}
      <IconButton icon="open" label="Open in a tab" onClick={() => void execute('neronet:open-runs')} />
    </>
  );
  const live = state.kinds.some(([kind]) => kind === 'running') && !state.problem;
  return (
    <div className="nn-runs" ref={box}>
      <Section id="runs" title="Runs" fill summary={live && <span className="nn-live" title="live" />} actions={actions}>
        {(searching || state.filter) && <div className="nn-seek">{field}</div>}
        {arranging && (
          <div className="nn-seek nn-arrange">
            <GroupBy {...choosing} />
            <SortBy {...choosing} />
            <MetricBy {...choosing} />
          </div>
        )}
        {some ? (
          <Actions {...strip} />
        ) : (
          state.total > 0 && (
            <div className="nn-strip">
              <Kinds {...choosing} words={false} />
              <span className="nn-grow" />
              <Chosen {...choosing} />
              <Fresh {...choosing} />
            </div>
          )
        )}
        {notes}
        {table}
      </Section>
    </div>
  );
}

/** What to do when there is nothing to see. */
function Nothing({ state, clear }: { state: State; clear: () => void }): JSX.Element | null {
  if (!state.total) {
    return (
      <div className="nn-none nn-s">
        <b>No runs yet.</b> <span className="nn-mut">They appear here once you</span>{' '}
        <LinkButton onClick={() => void execute('neronet:new-sweep')}>submit a sweep</LinkButton>
        <span className="nn-mut">.</span>
      </div>
    );
  }
  if (!state.shown) {
    return (
      <div className="nn-none nn-s">
        <b>None of the {state.total === 1 ? 'one run' : `${state.total.toLocaleString('en')} runs`} is like that.</b>{' '}
        <LinkButton onClick={clear}>Show all</LinkButton>
      </div>
    );
  }
  return null;
}

function Keys(): JSX.Element {
  return (
    <div className="nn-keys nn-s" role="note" aria-label="keys">
      {KEYS.map(([keys, what]) => (
        <React.Fragment key={keys}>
          <kbd>{keys}</kbd>
          <span>{what}</span>
        </React.Fragment>
      ))}
    </div>
  );
}

export const RunsView = view(Runs, 'nn-runsview');
