/** The table itself: a window onto its lines that scrolls both ways, and the keyboard. */
import React from 'react';
import type { Act, Props } from '../base';
import { Icon } from '../kit';
import { openRun } from '../shell';
import { type Column, Feed, type Key, keyOf, type Layout, type Line, ROW } from './runs-feed';
import { type Doing, Row } from './runs-rows';

const TOUCH = 2000; // milliseconds between two words to the kernel that the pointer moves

export interface GridProps extends Pick<Props<object>, 'act' | 'page' | 'onMessage'> {
  /** A letter or other key that means something to the selected runs; the run that the keyboard is at. */
  onKey: (key: string, number: number | null) => boolean;
  onProblem: (work: () => Promise<void>) => void;
  onLayout: (layout: Layout) => void;
  small: boolean;
  grouped: boolean;
  selected: number;
  editing: number | null;
  setEditing: (number: number | null) => void;
  empty: React.ReactNode;
  name: string;
}

export function Grid(props: GridProps): JSX.Element {
  const { act, page, onMessage, onProblem: ask, setEditing } = props;
  const scroller = React.useRef<HTMLDivElement>(null);
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  const [feed] = React.useState(() => new Feed(act, page, draw, by => scroller.current?.scrollBy(0, by)));
  const layout = feed.layout;

  React.useEffect(() => onMessage(feed.hear), [feed, onMessage]);
  React.useEffect(() => {
    if (layout) {
      props.onLayout(layout);
    }
  }, [layout]);
  React.useEffect(() => {
    const box = scroller.current;
    if (!box) {
      return;
    }
    let frame = 0;
    const look = (): void => {
      window.cancelAnimationFrame(frame);
      frame = window.requestAnimationFrame(() => {
        const before = String(feed.range);
        const aside = feed.sight.left > 0;
        const header = 22;
        feed.look({ top: box.scrollTop, left: box.scrollLeft, width: box.clientWidth, height: Math.max(0, box.clientHeight - header) });
        if (String(feed.range) !== before || feed.sight.left > 0 !== aside) {
          draw();
        }
      });
    };
    const observer = new ResizeObserver(look);
    observer.observe(box);
    box.addEventListener('scroll', look, { passive: true });
    return () => {
      window.cancelAnimationFrame(frame);
      observer.disconnect();
      box.removeEventListener('scroll', look);
    };
  }, [feed]);
  const touch = useTouch(act, page);

  const doing = React.useMemo<Doing>(() => {
    const at = (number: number): void => {
      const found = [...feed.lines.values()].find(line => line[2] === 'r' && line[3] === number);
      if (found) {
        feed.move({ place: found[0], key: number });
        draw();
      }
    };
    return {
      select: (number, event) => {
        at(number);
        const how = event.shiftKey ? 'range' : event.ctrlKey || event.metaKey ? 'toggle' : 'one';
        ask(() => act('select', { how, number }));
      },
      toggle: number => (at(number), ask(() => act('select', { how: 'toggle', number }))),
      fold: (line, on) => ask(() => act('open', { line, on })),
      open: number => void openRun(number),
      rerun: number => ask(() => act('rerun', { numbers: [number] })),
      dismiss: number => ask(() => act('why', { number, on: false })),
      explain: number => ask(() => act('why', { number, on: true })),
      editNote: number => setEditing(number),
      saveNote: (number, text) => {
        setEditing(null);
        scroller.current?.focus();
        if (text !== null) {
          ask(() => act('note', { number, text }));
        }
      }
    };
  }, [feed]);

  const go = (place: number, extend: boolean): void => {
    const step = place < feed.cursor.place ? -1 : 1;
    let to = Math.max(0, Math.min(feed.count - 1, place));
    while (feed.lines.get(to)?.[2] === 'y' && to + step >= 0 && to + step < feed.count) {
      to += step;
    }
    const line = feed.lines.get(to);
    feed.move({ place: to, key: line ? keyOf(line) : null });
    const box = scroller.current;
    if (box) {
      const top = (line ? line[1] : to) * ROW;
      if (top < box.scrollTop) {
        box.scrollTop = top;
      } else if (top + ROW + 22 > box.scrollTop + box.clientHeight) {
        box.scrollTop = top + ROW + 22 - box.clientHeight;
      }
    }
    if (extend && line?.[2] === 'r') {
      ask(() => act('select', { how: 'range', number: line[3] }));
    }
    draw();
  };
  const keys = (event: React.KeyboardEvent): void => {
    if (event.target !== scroller.current) {
      return;
    }
    const line = feed.lines.get(feed.cursor.place);
    if (pressed(event, line, feed, go, doing, ask, act) || props.onKey(keyName(event), line?.[2] === 'r' ? line[3] : null)) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  const [from, to] = feed.range;
  const rows = [...feed.lines.values()].filter(line => line[1] >= from - 1 && line[1] < to).sort((a, b) => a[0] - b[0]);
  const here = rows.some(line => line[0] === feed.cursor.place);
  return (
    <div
      ref={scroller}
      className={`nn-t nn-grid${layout?.main ? ' nn-main' : ''}${layout && feed.sight.left > 0 ? ' nn-sideways' : ''}`}
      role="treegrid"
      aria-label={props.name}
      aria-rowcount={feed.count + 1}
      aria-colcount={layout?.columns.length ?? 0}
      aria-multiselectable
      aria-activedescendant={here ? `${page}-${feed.cursor.place}` : undefined}
      tabIndex={0}
      onKeyDown={keys}
      onFocus={() => feed.start() && draw()}
      onPointerMove={() => touch(true)}
      onPointerLeave={() => touch(false)}
    >
      {layout && <Header layout={layout} cells={feed.cells} small={props.small} sort={(sort, down) => ask(() => act('order', { sort, down }))} />}
      {props.empty}
      {layout && (
        <div className="nn-lines" role="rowgroup" style={{ height: feed.height * ROW, width: layout.width }}>
          {rows.map(line => (
            <Row
              key={rowKey(line)}
              id={`${page}-${line[0]}`}
              line={line}
              layout={layout}
              cells={feed.cells}
              current={line[0] === feed.cursor.place}
              editing={line[2] === 'r' && line[3] === props.editing}
              grouped={props.grouped}
              doing={doing}
            />
          ))}
        </div>
      )}
    </div>
  );
}

function rowKey(line: Line): Key {
  return keyOf(line);
}

function keyName(event: React.KeyboardEvent): string {
  return `${event.ctrlKey || event.metaKey ? 'Ctrl ' : ''}${event.key}`;
}

/** The keys that move, open and select; true when it was one of them. */
function pressed(
  event: React.KeyboardEvent,
  line: Line | undefined,
  feed: Feed,
  go: (place: number, extend: boolean) => void,
  doing: Doing,
  ask: (work: () => Promise<void>) => void,
  act: Act
): boolean {
  const page = Math.max(1, Math.floor(feed.sight.height / ROW) - 1);
  const now = feed.cursor.place;
  const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: feed.count - 1, PageDown: now + page, PageUp: now - page }[event.key];
  if (to !== undefined && !event.altKey) {
    go(to, event.shiftKey);
    return true;
  }
  if (event.key.toLowerCase() === 'a' && (event.ctrlKey || event.metaKey)) {
    ask(() => act('select', { how: 'all' }));
    return true;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !line) {
    return false;
  }
  const group = line[2] === 'g' || line[2] === 'w';
  const open = group && line[line.length - 1] === true;
  if (group && [' ', 'Enter', open ? 'ArrowLeft' : 'ArrowRight'].includes(event.key)) {
    doing.fold(line[3], !open);
  } else if (event.key === 'ArrowLeft') {
    for (let place = now - 1; place >= 0; place--) {
      if (feed.lines.get(place)?.[2] === 'g') {
        go(place, false);
        break;
      }
    }
  } else if (line[2] !== 'r') {
    return false;
  } else if (event.key === 'ArrowRight') {
    doing.explain(line[3]);
  } else if (event.key === ' ') {
    doing.toggle(line[3]);
  } else if (event.key === 'Enter') {
    doing.open(line[3]);
  } else {
    return false;
  }
  return true;
}

/** Tells the kernel that the pointer moves here, so that the order stays; not more often than it must. */
function useTouch(act: Act, page: string): (on: boolean) => void {
  const last = React.useRef(0);
  return on => {
    const now = Date.now();
    if (on ? now - last.current > TOUCH : last.current) {
      last.current = on ? now : 0;
      act('touch', { page, on }).catch(() => undefined);
    }
  };
}

interface HeaderProps {
  layout: Layout;
  cells: [number, number, number];
  small: boolean;
  sort: (key: string, down: boolean) => void;
}

function Header({ layout, cells, small, sort }: HeaderProps): JSX.Element {
  const [frozen, first, end] = cells;
  const shown = [...layout.columns.slice(0, frozen), ...layout.columns.slice(first, end)];
  let edge = 0;
  return (
    <div className="nn-tr nn-th" role="row" aria-rowindex={1} style={{ width: layout.width }}>
      {shown.map((column, index) => {
        const [key, title, width, left, right, sortable] = head(layout, column);
        const stays = index < frozen;
        const style: React.CSSProperties = { width, marginLeft: left - edge, ...(stays ? { left } : {}) };
        edge = left + width;
        const on = layout.sort === key;
        const next = (): void => {
          // First what one most likely looks for: the best of a metric.
          const down = key.startsWith('m:') ? !small : false;
          sort(on && layout.down !== down ? '' : key, on ? !layout.down : down);
        };
        return (
          <div
            key={key}
            role="columnheader"
            aria-colindex={layout.columns.indexOf(column) + 1}
            aria-sort={on ? (layout.down ? 'descending' : 'ascending') : undefined}
            aria-label={title || key}
            className={`nn-td nn-cut${right ? ' nn-num' : ''}${stays ? ' nn-frozen' : ''}${sortable ? ' nn-sortable' : ''}`}
            style={style}
            title={sortable ? `${title || key}: sort by it` : undefined}
            onClick={sortable ? next : undefined}
          >
            {title}
            {on && <Icon name="down" className={layout.down ? '' : 'nn-up'} />}
          </div>
        );
      })}
    </div>
  );
}

/** In the panel the name of the metric reaches over its sparkline. */
function head(layout: Layout, column: Column): Column {
  if (layout.main) {
    return column;
  }
  const spark = layout.columns.find(one => one[0] === 'spark');
  if (!spark) {
    return column;
  }
  if (column[0] === 'spark') {
    return ['spark', '', 0, spark[3], false, false];
  }
  if (column[0] === layout.metric) {
    return [column[0], column[1], column[3] + column[2] - spark[3], spark[3], true, true];
  }
  return column;
}
