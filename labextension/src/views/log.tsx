/** The log of a run: numbered lines, of which the page holds those that are seen; follows the end. */
import React from 'react';
import { view, type News, type Props } from '../base';
import { Icon, IconButton, TroubleMessage, useAsk } from '../kit';
import { openFile } from '../shell';
import { PointCard, cut, type Place } from './logpoint';

const LINE = 18; // pixels
const TALL = 12_000_000; // pixels that a browser lays out without trouble: longer logs scroll in larger steps
const AROUND = 30; // lines beyond both ends of what is seen

interface Stream {
  count: number;
  size: string;
}

interface LogState {
  number: number;
  state: string;
  ended: boolean;
  streams: Record<string, Stream>;
  quiet: string;
}

interface Part {
  stream: string;
  first: number;
  lines: string[];
  count: number;
  /** Of each line, while numbers are pointed at. */
  numbers: Place[][];
}

interface Pointed {
  line: number;
  place: Place;
  text: string;
}

const NONE: Part = { stream: '', first: 0, lines: [], count: 0, numbers: [] };

function Log({ state, act, page, onMessage }: Props<LogState>): JSX.Element {
  const [stream, setStream] = React.useState('stdout');
  const [follow, setFollow] = React.useState(true);
  const [part, setPart] = React.useState<Part>(NONE);
  const [height, setHeight] = React.useState(0);
  const [top, setTop] = React.useState(0);
  const [missed, setMissed] = React.useState(0);
  const [query, setQuery] = React.useState('');
  const [found, setFound] = React.useState<number[] | null>(null);
  const [at, setAt] = React.useState(0);
  const [pointing, setPointing] = React.useState(false);
  const [pointed, setPointed] = React.useState<Pointed | null>(null);
  const [ask, trouble, , forget] = useAsk();
  const box = React.useRef<HTMLDivElement>(null);
  const moving = React.useRef(false);

  const count = part.stream === stream ? Math.max(part.count, state.streams[stream].count) : state.streams[stream].count;
  const rows = Math.ceil(height / LINE);
  const full = count * LINE + 8;
  const tall = Math.min(full, TALL);
  // The line at the top for a place of the scroll bar, and back.
  const scale = full > height && tall > height ? (full - height) / (tall - height) : 1;
  const firstSeen = Math.max(0, Math.floor((top * scale) / LINE));

  React.useEffect(() => onMessage((news: News) => setPart(news as unknown as Part)), []);

  React.useEffect(() => {
    const seen = box.current;
    if (!seen) {
      return;
    }
    // A view that was just made has no height yet.
    const watcher = new ResizeObserver(() => setHeight(seen.clientHeight));
    watcher.observe(seen);
    return () => watcher.disconnect();
  }, [!state.quiet]);

  const from = follow ? -1 : Math.max(0, Math.floor((firstSeen - AROUND) / AROUND) * AROUND);
  React.useEffect(() => {
    if (rows) {
      ask(() => act('window', { stream, first: from, count: rows + 3 * AROUND, page, pointing }));
    }
  }, [stream, from, rows, pointing]);

  React.useLayoutEffect(() => {
    if (follow && box.current) {
      moving.current = true;
      box.current.scrollTop = box.current.scrollHeight;
    }
  }, [follow, part, height, count]);

  React.useEffect(() => setMissed(count), [follow, stream]);

  const scrolled = (): void => {
    const seen = box.current;
    if (!seen) {
      return;
    }
    setTop(seen.scrollTop);
    const atEnd = seen.scrollTop + seen.clientHeight >= seen.scrollHeight - LINE;
    if (moving.current) {
      moving.current = false;
    } else if (atEnd !== follow && !(atEnd && pointing)) {
      setFollow(atEnd);
    }
  };

  const jump = (line: number): void => {
    setFollow(false);
    const place = Math.max(0, (line - Math.floor(rows / 2)) * LINE) / scale;
    if (box.current) {
      moving.current = true;
      box.current.scrollTop = place;
      setTop(place);
    }
  };

  const search = (text: string): void => {
    setQuery(text);
    if (!text) {
      setFound(null);
      return;
    }
    ask(async () => {
      const lines = await act<number[]>('search', { stream, text });
      setFound(lines);
      const next = Math.max(0, lines.findIndex(line => line >= firstSeen));
      setAt(next);
      if (lines.length) {
        jump(lines[next]);
      }
    });
  };

  const step = (by: number): void => {
    if (found?.length) {
      const next = (at + by + found.length) % found.length;
      setAt(next);
      jump(found[next]);
    }
  };

  const point = (event: React.MouseEvent): void => {
    const button = (event.target as Element).closest<HTMLButtonElement>('button[data-number]');
    const line = Number(button?.closest<HTMLElement>('.nn-ll')?.dataset.n) - 1;
    const place = part.numbers[line - part.first]?.[Number(button?.dataset.number)];
    if (button && place) {
      setFollow(false);
      setPointed({ line, place, text: button.textContent ?? '' });
    }
  };

  const unpoint = (): void => {
    const line = pointed && box.current?.querySelector(`[data-n="${pointed.line + 1}"]`);
    const button = line?.querySelector<HTMLElement>('.nn-num.nn-on');
    (button ?? box.current)?.focus({ preventScroll: true });
    setPointed(null);
  };

  const keys = (event: React.KeyboardEvent): void => {
    if (event.target !== box.current) {
      return;
    }
    if (event.key === 'f' && !event.ctrlKey && !event.metaKey) {
      setFollow(!follow);
    } else if (event.key === '/') {
      event.currentTarget.querySelector('input')?.focus();
    } else if (event.key === 'End') {
      setFollow(true);
    } else if (event.key === 'Home') {
      jump(0);
    } else {
      return;
    }
    event.preventDefault();
  };

  // Where the first of our lines stands within what scrolls.
  const offset = part.first * LINE - top * (scale - 1);

  return (
    <div className="nn-logview" onKeyDown={keys}>
      <div className="nn-h nn-logbar" role="toolbar" aria-label="log">
        <span className="nn-seg">
          {Object.keys(state.streams).map(name => (
            <button
              key={name}
              type="button"
              className={name === stream ? 'nn-on' : ''}
              aria-pressed={name === stream}
              onClick={() => {
                setStream(name);
                setFound(null);
                setQuery('');
                setPointed(null);
                setFollow(true);
              }}
            >
              {name}
              {name === 'stderr' && state.streams[name].count > 0 && <span className="nn-mut"> {state.streams[name].count}</span>}
            </button>
          ))}
        </span>
        <span className="nn-in nn-find">
          <Icon name="search" className="nn-mut" />
          <input
            type="search"
            aria-label="search in the log"
            value={query}
            onChange={event => search(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter') {
                step(event.shiftKey ? -1 : 1);
              } else if (event.key === 'Escape') {
                search('');
                box.current?.focus();
              }
            }}
          />
          {found && (
            <span className="nn-mut nn-s" role="status">
              {found.length ? `${at + 1} of ${found.length.toLocaleString('en')}` : 'not found'}
            </span>
          )}
          {found && found.length > 1 && (
            <>
              <IconButton icon="left" label="Previous" onClick={() => step(-1)} />
              <IconButton icon="right" label="Next" onClick={() => step(1)} />
            </>
          )}
        </span>
        <span className="nn-grow" />
        <span className="nn-s nn-mut nn-loglines nn-hide-m">
          {count.toLocaleString('en')} {count === 1 ? 'line' : 'lines'}
          <span>, {state.streams[stream].size}</span>
        </span>
        <button
          type="button"
          className={`nn-btn nn-follow${pointing ? ' nn-on' : ''}`}
          aria-label="Point at a number"
          aria-pressed={pointing}
          title="Make a number of the log a metric of all runs of the experiment"
          onClick={() => {
            setPointing(!pointing);
            setPointed(null);
            // What is pointed at must not move away.
            setFollow(pointing && follow);
          }}
        >
          <Icon name="target" />
          <span className="nn-pointlabel">Point at a number</span>
        </button>
        <IconButton
          icon="open"
          label="Open the file"
          onClick={() =>
            ask(async () => {
              await openFile(await act<string>('path', { stream }));
            })
          }
        />
        <button type="button" className={`nn-btn nn-follow${follow ? ' nn-on' : ''}`} aria-pressed={follow} onClick={() => setFollow(!follow)}>
          <Icon name="end" />
          <span className="nn-hide-n">Follow</span>
        </button>
      </div>
      <TroubleMessage trouble={trouble} onClose={forget} />
      {state.quiet ? (
        <div className="nn-mut nn-s nn-quiettext">{state.quiet}</div>
      ) : (
        <div className="nn-log" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-live="off" aria-label={`${stream} of run ${state.number}`}>
          <div className="nn-logall" style={{ height: tall }}>
            <div className="nn-logpart" style={{ transform: `translateY(${offset}px)` }} onClick={point}>
              {part.stream === stream &&
                part.lines.map((text, index) => (
                  <div key={part.first + index} className="nn-ll" data-n={part.first + index + 1}>
                    <Line
                      text={text}
                      query={found ? query : ''}
                      current={found?.[at] === part.first + index}
                      error={stream === 'stderr'}
                      numbers={pointing ? part.numbers[index] : undefined}
                      on={pointed?.line === part.first + index ? pointed.place.start : -1}
                    />
                  </div>
                ))}
            </div>
            {pointed && (
              <PointCard
                key={`${pointed.place.offset} ${pointed.place.column}`}
                act={act}
                stream={stream}
                place={pointed.place}
                text={pointed.text}
                top={(pointed.line + 1) * LINE + 6 - top * (scale - 1)}
                box={box}
                onClose={unpoint}
              />
            )}
          </div>
        </div>
      )}
      {!follow && !state.ended && count > missed && (
        <button type="button" className="nn-btn nn-new" onClick={() => setFollow(true)}>
          {(count - missed).toLocaleString('en')} new {count - missed === 1 ? 'line' : 'lines'}
        </button>
      )}
    </div>
  );
}

const METRIC = /^(\s*[A-Za-z_][\w./%-]*[ \t]+)([-+]?(?:\d[\d.]*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|nan|inf))(\s*)$/;

interface LineProps {
  text: string;
  query: string;
  current: boolean;
  error: boolean;
  /** That may be pointed at: they become buttons. */
  numbers?: Place[];
  /** The column of the one that is pointed at. */
  on: number;
}

/** A line with what was searched for marked; the value of a metric stands out. */
const Line = React.memo(function Line({ text, query, current, error, numbers, on }: LineProps): JSX.Element {
  if (numbers?.length) {
    return (
      <span className={error ? 'nn-err' : ''}>
        {cut(text, numbers).map((piece, index) =>
          index % 2 ? (
            <button
              key={index}
              type="button"
              data-number={(index - 1) / 2}
              className={`nn-num${numbers[(index - 1) / 2].start === on ? ' nn-on' : ''}`}
              aria-label={`make ${piece} a metric`}
            >
              {marked(piece, query, current)}
            </button>
          ) : (
            <React.Fragment key={index}>{marked(piece, query, current)}</React.Fragment>
          )
        )}
      </span>
    );
  }
  const metric = query ? null : METRIC.exec(text);
  if (metric) {
    return (
      <>
        {metric[1]}
        <span className="nn-met">{metric[2]}</span>
      </>
    );
  }
  return query ? <>{marked(text, query, current)}</> : <span className={error ? 'nn-err' : ''}>{text}</span>;
});

function marked(text: string, query: string, current: boolean): React.ReactNode[] {
  const parts: React.ReactNode[] = [];
  const low = text.toLowerCase();
  const word = query.toLowerCase();
  let begin = 0;
  for (let place = word ? low.indexOf(word) : -1; place >= 0; place = low.indexOf(word, begin)) {
    parts.push(text.slice(begin, place));
    parts.push(
      <mark key={place} className={current ? 'nn-cur' : ''}>
        {text.slice(place, place + word.length)}
      </mark>
    );
    begin = place + word.length;
  }
  parts.push(text.slice(begin));
  return parts;
}

export const LogView = view<LogState>(Log, 'nn-logbox');
