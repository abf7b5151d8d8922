/** The section Experiments: what is defined. */
import React from 'react';
import { view, type Props } from '../base';
import { Button, Confirm, IconButton, LinkButton, Section, TroubleMessage, useAsk } from '../kit';
import { openFile, openFolder } from '../shell';
import { AddFolder, addAll, Duplicate, Outcome, Problems, StateBar, useDrop, Where, type Broken, type Submitted } from './experimentparts';
import { count } from './noderow';
import { Plots } from './plots';

interface Experiment {
  id: string;
  collection: string;
  folder: string;
  config: string;
  count: number;
  states: Record<string, number>;
  runs: number;
  active: string;
  note: string;
  plots: string[];
}

interface State {
  experiments: Experiment[];
  problems: Broken[];
  /** Nodes and groups, and the one of them that is meant when nothing else is said. */
  targets: string[];
  target: string;
  edits: boolean;
}

type Said = { ids: string[]; node: string; result: Submitted };
type Doing = '' | 'submit' | 'delete' | 'duplicate';

function ExperimentList({ state, act }: Props<State>): JSX.Element {
  const [adding, setAdding] = React.useState(false);
  const [selected, setSelected] = React.useState<string[]>([]);
  const [current, setCurrent] = React.useState('');
  const [doing, setDoing] = React.useState<Doing>('');
  const [said, setSaid] = React.useState<Said | null>(null);
  const [ask, trouble, busy, forget] = useAsk();
  const [place, over] = useDrop(paths => ask(() => addAll(act, paths)));
  const ids = state.experiments.map(one => one.id);
  const chosen = selected.filter(id => ids.includes(id));
  const focusable = ids.includes(current) ? current : ids[0];
  const rows = state.experiments.filter(one => chosen.includes(one.id));
  const total = rows.reduce((sum, one) => sum + one.count, 0);

  const select = (id: string, event: { ctrlKey: boolean; metaKey: boolean; shiftKey: boolean }): void => {
    setDoing('');
    if (event.shiftKey && current) {
      const [from, to] = [ids.indexOf(current), ids.indexOf(id)].sort((a, b) => a - b);
      setSelected(ids.slice(from, to + 1));
      return;
    }
    setCurrent(id);
    if (event.ctrlKey || event.metaKey) {
      setSelected(chosen.includes(id) ? chosen.filter(one => one !== id) : [...chosen, id]);
    } else {
      setSelected(chosen.length === 1 && chosen[0] === id ? [] : [id]);
    }
  };
  const submit = (which: string[], node: string, again: boolean): void => {
    setDoing('');
    setSaid(null);
    ask(async () => setSaid({ ids: which, node, result: await act<Submitted>('submit', { ids: which, node, again }) }));
  };
  const keys = (event: React.KeyboardEvent<HTMLElement>): void => {
    const at = ids.indexOf((event.target as HTMLElement).dataset.id ?? '');
    if (at < 0) {
      return;
    }
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: ids.length - 1 }[event.key];
    if (next !== undefined) {
      const to = ids[Math.max(0, Math.min(ids.length - 1, next))];
      event.currentTarget.querySelector<HTMLElement>(`[data-id="${CSS.escape(to)}"]`)?.focus();
      if (event.shiftKey) {
        setSelected([...new Set([...chosen, ids[at], to])]);
      }
    } else if (event.key === ' ') {
      select(ids[at], { ctrlKey: true, metaKey: false, shiftKey: false });
    } else if (event.key === 'Enter') {
      void openFolder(state.experiments[at].folder);
    } else if (event.key === 'a' && (event.ctrlKey || event.metaKey)) {
      setSelected(ids);
    } else if (event.key === 'Escape') {
      setSelected([]);
    } else if (event.key === 'Delete') {
      if (!chosen.length) {
        setSelected([ids[at]]);
      }
      setDoing('delete');
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <Section
      id="experiments"
      title="Experiments"
      summary={ids.length ? `${ids.length} defined` : ''}
      actions={<IconButton icon="plus" label="Add a folder" on={adding} onClick={() => setAdding(!adding)} />}
    >
      <div className={`nn-b nn-experiments${over ? ' nn-over' : ''}`} ref={place}>
        <div role="listbox" aria-label="Experiments" aria-multiselectable="true" onKeyDown={keys}>
          {state.experiments.map(one => (
            <div
              key={one.id}
              data-id={one.id}
              role="option"
              aria-selected={chosen.includes(one.id)}
              tabIndex={one.id === focusable ? 0 : -1}
              className={`nn-exp${chosen.includes(one.id) ? ' nn-sel' : ''}`}
              title={one.note || one.folder}
              onFocus={() => setCurrent(one.id)}
              onClick={event => select(one.id, event)}
              onDoubleClick={() => void openFolder(one.folder)}
            >
              <span className="nn-el">
                {one.id}
                {one.collection && <span className="nn-mut nn-hide-m"> {one.collection}</span>}
              </span>
              {one.runs > 0 ? <StateBar states={one.states} /> : <span className="nn-mut">not run yet</span>}
              <span className="nn-num">{(one.runs || one.count).toLocaleString('en')}</span>
              <span className="nn-num nn-mut nn-hide-n">{one.active}</span>
            </div>
          ))}
        </div>
        {chosen.length > 0 && !doing && (
          <div className="nn-strip nn-act" role="toolbar" aria-label="Chosen experiments">
            <Button kind="primary" disabled={busy} onClick={() => setDoing('submit')}>
              Submit {total.toLocaleString('en')}
              <span className="nn-hide-n">{total === 1 ? 'run' : 'runs'}</span>
            </Button>
            <span className="nn-grow" />
            {rows.length === 1 && (
              <>
                {state.edits && <Button onClick={() => ask(() => act('edit', { id: rows[0].id }))}>Edit</Button>}
                <IconButton icon="file" label={`Open the config.yaml of ${rows[0].id}`} onClick={() => void openFile(rows[0].config)} />
                <IconButton icon="copy" label={`Duplicate ${rows[0].id}`} onClick={() => setDoing('duplicate')} />
                <IconButton icon="folder" label={`Open the folder of ${rows[0].id}`} onClick={() => void openFolder(rows[0].folder)} />
              </>
            )}
            <IconButton icon="x" label="Delete" onClick={() => setDoing('delete')} />
          </div>
        )}
        {chosen.length > 0 && doing === 'submit' && (
          <Where runs={total} targets={state.targets} target={state.target} onSubmit={node => submit(chosen, node, false)} onCancel={() => setDoing('')} />
        )}
        {chosen.length > 0 && doing === 'delete' && (
          <Confirm
            question={
              <span title="Runs, results and folders stay.">
                Delete {chosen.length === 1 ? chosen[0] : count(chosen.length, 'experiment')}? Runs and files stay.
              </span>
            }
            yes="Delete"
            onYes={() => {
              setDoing('');
              setSelected([]);
              ask(() => act('delete', { ids: chosen }));
            }}
            onNo={() => setDoing('')}
          />
        )}
        {rows.length === 1 && doing === 'duplicate' && <Duplicate id={rows[0].id} ids={ids} act={act} onDone={() => setDoing('')} />}
        {rows.length === 1 && !doing && rows[0].runs > 0 && <Plots key={rows[0].id} plots={rows[0].plots} act={act} of={rows[0].id} />}
        <TroubleMessage trouble={trouble} onClose={forget} />
        {said && <Outcome {...said} busy={busy} onAgain={() => submit(said.ids, said.node, true)} onClose={() => setSaid(null)} />}
        {state.problems.map(broken => (
          <Problems key={broken.folder} broken={broken} act={act} />
        ))}
        {adding && <AddFolder act={act} onDone={() => setAdding(false)} />}
        {!ids.length && !adding && (
          <div className="nn-empty nn-s">
            <b>No experiments yet.</b> <span className="nn-mut">Drag a folder with a config.yaml here, or</span>{' '}
            <LinkButton onClick={() => setAdding(true)}>type its path</LinkButton>
          </div>
        )}
      </div>
    </Section>
  );
}

export const ExperimentListView = view(ExperimentList, 'nn-experiment-list');
