/** The lines of the table: runs with their sparklines, heads of groups, those that wait, why a run failed. */
import React from 'react';
import { Button, Icon, LinkButton, StateIcon } from '../kit';
import { type Column, type HeadLine, type Layout, type Line, ROW, type RunLine, type WaitLine, type WhyLine } from './runs-feed';
import { TagTexts } from './tags';

const SIGNS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_';
const COLUMNS = 48;
const SELECTED = 1;
const BEST = 2;
const HELD = 4;
const BAR = ['finished', 'terminated', 'timeout', 'failed', 'lost', 'running', 'waiting'];

export interface Doing {
  select: (number: number, event: { ctrlKey: boolean; metaKey: boolean; shiftKey: boolean }) => void;
  toggle: (number: number) => void;
  fold: (key: string, open: boolean) => void;
  open: (number: number) => void;
  rerun: (number: number) => void;
  dismiss: (number: number) => void;
  explain: (number: number) => void;
  editNote: (number: number) => void;
  saveNote: (number: number, text: string | null) => void;
}

/** Whether a text of 12 px is certain to be no wider; where that cannot be known it may be cut. */
function fits(text: string, width: number): boolean {
  let sum = 0;
  for (const sign of text) {
    if (sign >= '0' && sign <= '9') {
      sum += 7.64;
    } else if (".,-:;'|!ijlt ".includes(sign)) {
      sum += 4.8;
    } else {
      sum += 'mwMW@%&'.includes(sign) ? 11.7 : sign < '\x7f' ? 8.6 : width;
    }
  }
  return sum <= width;
}

/** The course of a metric; its x axis is the whole run, so that it shows the progress, too. */
export function Spark({ signs, width, state, what }: { signs: string; width: number; state: string; what: string }): JSX.Element | null {
  if (!signs) {
    return null;
  }
  const x = (column: number): string => (1 + ((width - 4) * (column + 1)) / COLUMNS).toFixed(1);
  const y = (sign: string): string => (2 + 14 * (1 - SIGNS.indexOf(sign) / 63)).toFixed(1);
  let path = '';
  let last: [string, string] | null = null;
  let gap = true;
  Array.from(signs).forEach((sign, column) => {
    if (sign !== ' ') {
      last = [x(column), y(sign)];
      path += `${gap ? 'M' : 'L'}${last[0]} ${last[1]}`;
    }
    gap = gap && sign === ' ';
  });
  const done = state === 'finished';
  const dot = last as [string, string] | null;
  return (
    <svg className="nn-spark" width={width} height={18} role="img" aria-label={what}>
      {!done && <path className="nn-ahead" d={`M${x(signs.length)} 16.5H${width - 1}`} />}
      <path className="nn-course" d={path} />
      {dot && (!done || signs.length === 1) && <circle className={`nn-c-${state}`} cx={dot[0]} cy={dot[1]} r={2} />}
    </svg>
  );
}

export function StateBar({ kinds, width }: { kinds: [string, number][]; width: number }): JSX.Element {
  const ordered = BAR.flatMap(kind => kinds.filter(one => one[0] === kind));
  const said = kinds.map(([kind, count]) => `${count} ${kind}`).join(', ');
  return (
    <span className="nn-stbar" style={{ width }} role="img" aria-label={said} title={said}>
      {ordered.map(([kind, count]) => (
        <i key={kind} className={kind === 'waiting' ? 'nn-stwait' : `nn-c-${kind}`} style={{ flex: count }} />
      ))}
    </span>
  );
}

interface RowProps {
  line: Line;
  id: string;
  layout: Layout;
  cells: [number, number, number];
  /** The keyboard is here. */
  current: boolean;
  editing: boolean;
  grouped: boolean;
  doing: Doing;
}

type Of<L extends Line> = Omit<RowProps, 'line'> & { line: L };

/** One line, drawn again only when something of it is another. */
export const Row = React.memo(function Row(props: RowProps): JSX.Element {
  switch (props.line[2]) {
    case 'r':
      return <RunRow {...props} line={props.line} />;
    case 'g':
      return <Head {...props} line={props.line} />;
    case 'w':
      return <Waiting {...props} line={props.line} />;
    default:
      return <Why {...props} line={props.line} />;
  }
}, same);

function same(before: RowProps, after: RowProps): boolean {
  return (
    before.line === after.line &&
    before.layout === after.layout &&
    before.current === after.current &&
    before.editing === after.editing &&
    before.grouped === after.grouped &&
    before.cells === after.cells
  );
}

function place(line: Line, layout: Layout, rows = 1): React.CSSProperties {
  return { top: line[1] * ROW, height: rows * ROW, width: layout.width };
}

function RunRow({ line, id, layout, cells, current, editing, grouped, doing }: Of<RunLine>): JSX.Element {
  const [position, , , number, , marks, texts] = line;
  const selected = (marks & SELECTED) !== 0;
  const [frozen, first, end] = cells;
  const shown = [...layout.columns.slice(0, frozen), ...layout.columns.slice(first, end)];
  const edge = layout.columns[frozen - 1];
  const gap = edge ? edge[3] + edge[2] : 0;
  return (
    <div
      id={id}
      className={`nn-tr nn-run${selected ? ' nn-sel' : ''}${current ? ' nn-cur' : ''}`}
      role="row"
      aria-rowindex={position + 2}
      aria-level={grouped ? 2 : 1}
      aria-selected={selected}
      data-run={number}
      style={place(line, layout)}
      onMouseDown={event => event.shiftKey && event.preventDefault() /* no text is to be selected */}
      onClick={event => doing.select(number, event)}
      onDoubleClick={() => doing.open(number)}
    >
      {shown.map((column, index) => {
        const wanted = layout.columns.indexOf(column);
        const text = texts[index] ?? '';
        const style: React.CSSProperties = { width: column[2] };
        if (index < frozen) {
          style.left = column[3];
          style.marginLeft = index ? column[3] - layout.columns[index - 1][3] - layout.columns[index - 1][2] : column[3];
        } else {
          const before = index === frozen ? null : shown[index - 1];
          style.marginLeft = column[3] - (before ? before[3] + before[2] : gap);
        }
        return (
          <Cell
            key={column[0]}
            column={column}
            index={wanted}
            text={text}
            style={style}
            frozen={index < frozen}
            layout={layout}
            line={line}
            editing={editing}
            held={(marks & HELD) !== 0}
            best={(marks & BEST) !== 0}
            doing={doing}
          />
        );
      })}
    </div>
  );
}

interface CellProps {
  column: Column;
  index: number;
  text: string;
  style: React.CSSProperties;
  frozen: boolean;
  layout: Layout;
  line: RunLine;
  editing: boolean;
  held: boolean;
  best: boolean;
  doing: Doing;
}

function Cell({ column, index, text, style, frozen, layout, line, editing, held, best, doing }: CellProps): JSX.Element {
  const [key, title, width, , right] = column;
  const [, , , number, state, marks] = line;
  const quiet = key === 'number' || key === 'age';
  const name = `nn-td${fits(text, width) ? '' : ' nn-cut'}${frozen ? ' nn-frozen' : ''}${right ? ' nn-num' : ''}${quiet ? ' nn-mut' : ''}`;
  const common = { role: 'gridcell', 'aria-colindex': index + 1, style };
  if (key === 'check') {
    return (
      <div {...common} className={`${name} nn-mid`} onClick={event => (event.stopPropagation(), doing.toggle(number))}>
        <span className={`nn-sw${marks & SELECTED ? ' nn-on' : ''}`}>{marks & SELECTED ? <Icon name="tick" /> : null}</span>
      </div>
    );
  }
  if (key === 'state') {
    const failed = ['failed', 'lost', 'timeout'].includes(state);
    return (
      <div {...common} className={`${name} nn-mid`} title={held ? 'held' : state} onClick={failed ? () => doing.explain(number) : undefined}>
        {held ? <Icon name="pin" className="nn-mut" /> : <StateIcon state={state} />}
      </div>
    );
  }
  if (key === 'spark') {
    return (
      <div {...common} className={`${name} nn-mid`}>
        <Spark signs={text} width={width} state={state} what={title} />
      </div>
    );
  }
  if (key === 'note') {
    if (editing) {
      return (
        <div {...common} className={`${name} nn-mid`}>
          <NoteInput text={text} save={found => doing.saveNote(number, found)} />
        </div>
      );
    }
    const reason = /^(failed|lost|timeout|terminated|finished): /.exec(text);
    return (
      <div
        {...common}
        className={`${name}${reason ? ` nn-c-${reason[1]}` : ''}`}
        title={text || undefined}
        onDoubleClick={event => (event.stopPropagation(), doing.editNote(number))}
      >
        {text}
      </div>
    );
  }
  if (key === 'tags') {
    return (
      <div {...common} className={`${name} nn-cut`} title={text || undefined}>
        <TagTexts tags={text} />
      </div>
    );
  }
  const bold = best && key === layout.metric;
  return (
    <div {...common} className={name} title={right || !text ? undefined : text}>
      {bold ? <b>{text}</b> : text}
    </div>
  );
}

/** Enter keeps what was written, Escape leaves it. */
export function NoteInput({ text, save }: { text: string; save: (text: string | null) => void }): JSX.Element {
  const [value, setValue] = React.useState(/^(failed|lost|timeout|terminated|finished|queued|pending): /.test(text) ? '' : text);
  const done = React.useRef(false);
  const end = (found: string | null): void => {
    if (!done.current) {
      done.current = true;
      save(found);
    }
  };
  return (
    <input
      className="nn-in nn-noteinput"
      aria-label="note"
      autoFocus
      value={value}
      onChange={event => setValue(event.target.value)}
      onClick={event => event.stopPropagation()}
      onDoubleClick={event => event.stopPropagation()}
      onBlur={() => end(value)}
      onKeyDown={event => {
        event.stopPropagation();
        if (event.key === 'Enter' || event.key === 'Escape') {
          end(event.key === 'Enter' ? value : null);
        }
      }}
    />
  );
}

function Head({ line, id, layout, current, doing }: Of<HeadLine>): JSX.Element {
  const [position, , , key, title, count, kinds, best, open] = line;
  return (
    <div
      id={id}
      className={`nn-tr nn-g${current ? ' nn-cur' : ''}`}
      role="row"
      aria-rowindex={position + 2}
      aria-level={1}
      aria-expanded={open}
      style={place(line, layout)}
      onClick={() => doing.fold(key, !open)}
    >
      <div className="nn-inview" role="gridcell">
        <Icon name={open ? 'down' : 'right'} />
        <b className="nn-el" title={title}>
          <bdi>{title}</bdi>
        </b>
        <span className="nn-mut">{layout.main ? `${count.toLocaleString('en')} runs` : count.toLocaleString('en')}</span>
        <StateBar kinds={kinds} width={layout.main ? 110 : layout.width < 280 ? 44 : 60} />
        {!layout.main && <span className="nn-grow" />}
        <span className="nn-mut nn-best">{best}</span>
      </div>
    </div>
  );
}

function Waiting({ line, id, layout, current, doing }: Of<WaitLine>): JSX.Element {
  const [position, , , key, text, open] = line;
  return (
    <div
      id={id}
      className={`nn-tr nn-w${current ? ' nn-cur' : ''}`}
      role="row"
      aria-rowindex={position + 2}
      aria-level={1}
      aria-expanded={open}
      style={place(line, layout)}
      onClick={() => doing.fold(key, !open)}
    >
      <div className="nn-inview" role="gridcell">
        <Icon name={open ? 'down' : 'right'} />
        <span className="nn-el" title={text}>
          {text}
        </span>
      </div>
    </div>
  );
}

function Why({ line, id, layout, doing }: Of<WhyLine>): JSX.Element {
  const [position, , , number, cause, rest, last, rerun] = line;
  const buttons = (
    <>
      {rerun && <Button onClick={() => doing.rerun(number)}>Rerun</Button>}
      <LinkButton onClick={() => doing.open(number)}>Log</LinkButton>
      <LinkButton onClick={() => doing.dismiss(number)}>Dismiss</LinkButton>
    </>
  );
  const sentence = (
    <span className="nn-cause" title={`${cause}${rest}`}>
      <b>
        {layout.main && `#${number} `}
        {cause}
      </b>
      {rest}
    </span>
  );
  const quoted = last && (
    <span className="nn-mono nn-xs nn-mut nn-quoted" title={last}>
      {last}
    </span>
  );
  return (
    <div id={id} className="nn-why" role="row" aria-rowindex={position + 2} aria-level={2} style={place(line, layout, layout.tall)}>
      <div className={`nn-inview nn-msg nn-bad${layout.main ? ' nn-whymain' : ''}`} role="gridcell">
        {layout.main ? (
          <>
            <div className="nn-grow">
              <div className="nn-el">{sentence}</div>
              {quoted}
            </div>
            {buttons}
          </>
        ) : (
          <>
            {sentence}
            {quoted}
            <div className="nn-row">{buttons}</div>
          </>
        )}
      </div>
    </div>
  );
}
