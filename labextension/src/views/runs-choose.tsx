/** How the table is filtered, grouped, sorted and which columns it has. */
import React from 'react';
import type { Act } from '../base';
import { Icon, IconButton, Menu } from '../kit';
import type { State } from './runs-strip';

type Option = [string, string];

export interface Menus {
  groups: Option[];
  metrics: Option[];
  sorts: Option[];
  columns: [string, string, boolean][];
}

interface ChooseProps {
  state: State;
  act: Act;
  ask: (work: () => Promise<void>) => void;
}

const PAUSE = 120; // milliseconds after the last key

/** Filters as you type. */
export const Filter = React.forwardRef(function Filter(
  { state, act, ask, leave }: ChooseProps & { leave: () => void },
  place: React.Ref<HTMLInputElement>
): JSX.Element {
  const [text, setText] = React.useState(state.filter);
  const typing = React.useRef(0);
  React.useEffect(() => {
    // Another page, or Escape in the table, may have changed it.
    if (!typing.current) {
      setText(state.filter);
    }
  }, [state.filter]);
  const write = (value: string): void => {
    setText(value);
    window.clearTimeout(typing.current);
    typing.current = window.setTimeout(() => {
      typing.current = 0;
      ask(() => act('filter', { text: value }));
    }, PAUSE);
  };
  return (
    <div className="nn-in nn-filter">
      <Icon name="search" className="nn-mut" />
      <input
        ref={place}
        className="nn-mono nn-grow"
        placeholder="lr>0.001, failed, gpu2, a note…"
        aria-label="Filter: words, and comparisons such as lr>0.001"
        spellCheck={false}
        value={text}
        onChange={event => write(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Escape' && text) {
            write('');
          } else if (event.key === 'Escape' || event.key === 'Enter' || event.key === 'ArrowDown') {
            leave();
          } else {
            return;
          }
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      {(state.filter || text) && (
        <>
          <span className="nn-mut nn-s">
            {state.shown.toLocaleString('en')} of {state.total.toLocaleString('en')}
          </span>
          <IconButton icon="x" label="Take the filter away" onClick={() => write('')} />
        </>
      )}
    </div>
  );
});

/** What there is to choose from, asked for when it is to be shown and when the runs are others. */
export function useMenus(state: State, act: Act, main: boolean, wanted: boolean): [Menus | null, () => void] {
  const [menus, setMenus] = React.useState<Menus | null>(null);
  const load = (): void => {
    act<Menus & { [key: string]: never }>('menu', { main })
      .then(setMenus)
      .catch(() => undefined);
  };
  React.useEffect(() => {
    if (wanted) {
      load();
    }
  }, [wanted, main, state.total, state.metric, state.group]);
  return [menus, load];
}

interface SelectProps {
  label: string;
  value: string;
  options: Option[];
  onChange: (value: string) => void;
}

function Select({ label, value, options, onChange }: SelectProps): JSX.Element {
  const all = options.some(one => one[0] === value) ? options : [[value, value.replace(/^[pm]:/, '')] as Option, ...options];
  return (
    <label className="nn-row nn-s nn-choose">
      <span className="nn-mut">{label}</span>
      <select className="nn-quiet nn-s" value={value} onChange={event => onChange(event.target.value)}>
        {all.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

export function GroupBy({ state, act, ask, menus }: ChooseProps & { menus: Menus | null }): JSX.Element {
  return <Select label="Group by" value={state.group} options={menus?.groups ?? []} onChange={group => ask(() => act('order', { group }))} />;
}

export function SortBy({ state, act, ask, menus }: ChooseProps & { menus: Menus | null }): JSX.Element {
  const down = (sort: string): boolean => sort.startsWith('m:') && !state.small;
  return (
    <Select label="Sort" value={state.sort} options={menus?.sorts ?? []} onChange={sort => ask(() => act('order', { sort, down: down(sort) }))} />
  );
}

/** The metric of the sparklines and heads, and whether less of it is better. */
export function MetricBy({ state, act, ask, menus }: ChooseProps & { menus: Menus | null }): JSX.Element | null {
  if (!state.metric) {
    return null;
  }
  return (
    <>
      <Select label="Metric" value={state.metric} options={menus?.metrics ?? []} onChange={name => ask(() => act('metric', { name }))} />
      <span className="nn-seg nn-least" role="group" aria-label="what is best">
        {[true, false].map(small => (
          <button
            key={String(small)}
            type="button"
            className={state.small === small ? 'nn-on' : ''}
            aria-pressed={state.small === small}
            onClick={() => ask(() => act('metric', { small }))}
          >
            {small ? 'smallest' : 'largest'}
          </button>
        ))}
      </span>
    </>
  );
}

/** Which columns are shown. */
export function ColumnsMenu({ act, ask, menus, main, load }: Omit<ChooseProps, 'state'> & { menus: Menus | null; main: boolean; load: () => void }): JSX.Element {
  const items = (menus?.columns ?? []).map(([key, name, on]) => ({
    label: name,
    checked: on,
    onClick: () =>
      ask(async () => {
        await act('column', { key, on: !on, main });
        load();
      })
  }));
  const reset = {
    label: 'As it was at first',
    onClick: () =>
      ask(async () => {
        await act('columns_reset', { main });
        load();
      })
  };
  return (
    <span onPointerDown={load} onKeyDown={load}>
      <Menu icon="columns" label="Columns" items={[...items, reset]} />
    </span>
  );
}
