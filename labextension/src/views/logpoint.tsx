/** Point at a number of the log: the card that says what it would be as a metric, and makes it one. */
import React from 'react';
import { type Act } from '../base';
import { Button, IconButton, Loading, Message, TroubleMessage, useAsk } from '../kit';
import { copy, openFile } from '../shell';

const PAUSE = 400; // milliseconds after the last key until a new name is looked at

/** Where a number stands: in the characters of the line that is shown, and in the file. */
export interface Place {
  [key: string]: number;
  start: number;
  end: number;
  offset: number;
  column: number;
}

interface Proposal {
  [key: string]: string;
  name: string;
  takes: string;
  what: string;
  python: string;
}

interface Row {
  [key: string]: string | number;
  run: number;
  name: string;
  metric: string;
  points: string;
  first: string;
  last: string;
  note: string;
}

interface Matches {
  [key: string]: string | number | Row[];
  summary: string;
  rows: Row[];
  more: number;
}

interface Done {
  [key: string]: string | string[];
  said: string[];
  config: string;
}

/** A line in pieces, every second of which is a number; Python counts characters, JavaScript halves of some. */
export function cut(text: string, places: Place[]): string[] {
  const characters = Array.from(text);
  const pieces: string[] = [];
  let at = 0;
  for (const { start, end } of places) {
    pieces.push(characters.slice(at, start).join(''), characters.slice(start, end).join(''));
    at = end;
  }
  return [...pieces, characters.slice(at).join('')];
}

interface CardProps {
  act: Act;
  stream: string;
  place: Place;
  /** The number. */
  text: string;
  /** Pixels from the first line of the log. */
  top: number;
  box: React.RefObject<HTMLDivElement>;
  onClose: () => void;
}

/** Below the line, as wide as what is seen of the log. */
export function PointCard({ act, stream, place, text, top, box, onClose }: CardProps): JSX.Element {
  const [typed, setTyped] = React.useState<string | null>(null);
  const [name, setName] = React.useState('');
  const [proposal, setProposal] = React.useState<Proposal | null>(null);
  const [matches, setMatches] = React.useState<Matches | null>(null);
  const [write, setWrite] = React.useState(true);
  const [done, setDone] = React.useState<Done | null>(null);
  const [ask, trouble, busy, forget] = useAsk();
  const [add, refused, adding, forgive] = useAsk();
  const card = React.useRef<HTMLDivElement>(null);
  const asked = React.useRef(0);
  const id = React.useId();
  const what = { stream, offset: place.offset, column: place.column };

  React.useEffect(() => {
    const now = ++asked.current;
    ask(async () => {
      const proposed = await act<Proposal>('propose', { ...what, name });
      if (now === asked.current) {
        setProposal(proposed);
        const found = await act<Matches>('matches', { ...what, name });
        if (now === asked.current) {
          setMatches(found);
        }
      }
    });
  }, [name]);

  // What is typed counts after a pause.
  React.useEffect(() => {
    if (typed === null || typed.trim() === name) {
      return;
    }
    const timer = window.setTimeout(() => setName(typed.trim()), PAUSE);
    return () => window.clearTimeout(timer);
  }, [typed]);

  // It must be seen as it grows, and the number above it.
  React.useEffect(() => {
    card.current?.scrollIntoView({ block: 'nearest' });
  }, [proposal, matches, done, trouble, refused]);
  React.useEffect(() => {
    card.current?.focus({ preventScroll: true });
  }, [done]);

  const apply = (): void =>
    add(async () => setDone(await act<Done>('add', { ...what, name: typed === null ? name : typed.trim(), write })));
  const seen = box.current;

  return (
    <div
      ref={card}
      className="nn-pointcard"
      role="dialog"
      aria-label={`Make ${text} a metric`}
      tabIndex={-1}
      style={{ top, left: (seen?.scrollLeft ?? 0) + 10, width: Math.min(620, (seen?.clientWidth ?? 640) - 20) }}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      {done ? (
        <>
          <Message text={<>{done.said[0]}</>}>
            {done.said[1] && <span className="nn-anywhere">{done.said[1]}</span>}
          </Message>
          {done.said[2] && <pre className="nn-mono nn-taken">{done.said[2]}</pre>}
          <div className="nn-row nn-pointacts">
            <Button onClick={onClose}>Close</Button>
            {done.config && (
              <Button icon="file" onClick={() => void openFile(done.config)}>
                Open config.yaml
              </Button>
            )}
          </div>
        </>
      ) : (
        <>
          <div className="nn-pointform">
            <label className="nn-mut nn-s" htmlFor={id}>
              Metric
            </label>
            <input
              id={id}
              className="nn-in nn-mono"
              spellCheck={false}
              value={typed ?? proposal?.name ?? ''}
              placeholder={typed === null ? '' : 'the words next to the number'}
              onChange={event => setTyped(event.target.value)}
              onKeyDown={event => event.key === 'Enter' && proposal && !adding && apply()}
            />
            {proposal && !trouble && (
              <>
                <span className="nn-mut nn-s">Takes</span>
                <span className="nn-s">
                  {proposal.what}
                  <code className="nn-mono nn-taken">{proposal.takes}</code>
                </span>
                <span className="nn-mut nn-s">Finds</span>
                {matches ? <Found matches={matches} old={busy} /> : <Loading what="Reading the logs of the runs" />}
                <span className="nn-mut nn-s">Python</span>
                <span className="nn-row">
                  <code className="nn-mono nn-taken nn-grow">{proposal.python}</code>
                  <IconButton icon="copy" label="Copy as Python" onClick={() => copy(proposal.python)} />
                </span>
              </>
            )}
          </div>
          {!proposal && busy && <Loading what="Looking at the log" />}
          <TroubleMessage trouble={trouble} onClose={forget} />
          <TroubleMessage trouble={refused} onClose={forgive} />
          <div className="nn-row nn-pointacts">
            <Button kind="primary" disabled={!proposal || adding || trouble !== null} onClick={apply} title="For runs that have ended, that run, and that are to come">
              Add metric
            </Button>
            <Button onClick={onClose}>Cancel</Button>
            <label className="nn-row nn-s">
              <input type="checkbox" checked={write} onChange={event => setWrite(event.target.checked)} />
              Write it into config.yaml, so that nodes read it in later runs
            </label>
          </div>
          {adding && <Loading what="Reading the logs of the runs" />}
        </>
      )}
    </div>
  );
}

/** What is found in a few runs; `old`: by another name. */
function Found({ matches, old }: { matches: Matches; old: boolean }): JSX.Element {
  return (
    <div className={`nn-s${old ? ' nn-old' : ''}`}>
      {matches.summary}
      <table className="nn-pointrows">
        <thead>
          <tr>
            <th>run</th>
            <th>metric</th>
            <th className="nn-r">points</th>
            <th className="nn-r">first</th>
            <th className="nn-r">last</th>
          </tr>
        </thead>
        <tbody>
          {matches.rows.map((row, index) => (
            <tr key={index}>
              <td className="nn-el" title={row.name}>
                <bdi>{row.name}</bdi>
              </td>
              <td className="nn-el" title={row.metric}>
                {row.metric}
              </td>
              {row.note ? (
                <td colSpan={3} className="nn-mut nn-r">
                  {row.note}
                </td>
              ) : (
                <>
                  <td className="nn-r">{row.points}</td>
                  <td className="nn-r">{row.first}</td>
                  <td className="nn-r">{row.last}</td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {matches.more > 0 && <span className="nn-mut">and {matches.more.toLocaleString('en')} more</span>}
    </div>
  );
}
