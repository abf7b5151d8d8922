/** What is drawn over a bqplot figure: names at the lines' ends, states, limits, and what the pointer is at. */
import type { WidgetModel } from '@jupyter-widgets/base';
import React from 'react';
import { Icon, isIcon } from '../icons';
import { across, apart, duration, fit, lastDrawn, nearest, number, upwards, type Span, type Values } from './figure_geometry';

export interface LineState {
  mark: string;
  number: number;
  label: string;
  title: string;
  colour: string;
  state: string;
  rest: number | null;
}

export interface BandState {
  mark: string;
  label: string;
  title: string;
  colour: string;
}

export interface Shown {
  metric: string;
  x: string;
  lines: LineState[];
  bands: BandState[];
  thin: { mark: string; parts: [number, string, number, number][] } | null;
  clipped: [number, number, string][];
  limits: { value: number; text: string; action: string }[];
}

/** The plot area within the holder, in pixels, and its axes. */
export interface Area {
  left: number;
  top: number;
  right: number;
  bottom: number;
  x: Span;
  y: Span;
}

export interface Pointer {
  x: number;
  y: number;
}

/** A point that the pointer is at, or near. */
export interface Hit {
  key: string;
  label: string;
  colour: string;
  x: number;
  y: number;
  far: number;
  run: number | null;
}

export type Marks = Map<string, WidgetModel>;

const NEAR = 30; // pixels
const SIGN = 10; // the size of a state's shape
const FONT = '11px system-ui, sans-serif';
const NARROW = 70; // pixels beside the axes: only the number of a run fits
const WORSE = ['failed', 'terminated', 'timeout', 'lost'];

const token = (colour: string): string => `var(--nn-${colour})`;

function points(marks: Marks, mark: string): [Values, Values] {
  const model = marks.get(mark);
  return [(model?.get('x') as Values) ?? [], (model?.get('y') as Values) ?? []];
}

/** Everything that has a value near the pointer's x, the nearest first. */
export function hits(state: Shown, marks: Marks, area: Area, at: Pointer): Hit[] {
  const found: Hit[] = [];
  const look = (key: string, mark: string, label: string, colour: string, run: number | null, begin?: number, end?: number): void => {
    const [xs, ys] = points(marks, mark);
    const i = nearest(xs, ys, area.x, area.y, at.x, at.y, begin, end);
    if (i < 0 || !Number.isFinite(ys[i]) || Math.abs(across(area.x, xs[i]) - at.x) > NEAR) {
      return;
    }
    const far = Math.abs(upwards(area.y, ys[i]) - at.y);
    found.push({ key, label, colour, x: xs[i], y: ys[i], far, run });
  };
  state.lines.forEach(line => look(line.mark, line.mark, line.label, line.colour, line.number));
  state.bands.forEach(band => look(band.mark, band.mark, band.label, band.colour, null));
  const thin: Hit[] = [];
  const { thin: many } = state;
  many?.parts.forEach(([run, label, begin, end]) => look(`#${run}`, many.mark, label, 'text', run, begin, end));
  // Of many thin lines only the one under the pointer is named.
  const kept = found.filter(hit => !hit.key.startsWith('#') || !thin.push(hit));
  thin.sort((a, b) => a.far - b.far);
  if (thin.length && thin[0].far < NEAR) {
    kept.push(thin[0]);
  }
  return kept.sort((a, b) => a.far - b.far);
}

interface OverProps {
  state: Shown;
  marks: Marks;
  area: Area;
  at: Pointer | null;
  near: Hit[];
  onHover: (key: string | null) => void;
  onPick: (run: number) => void;
}

export function Over({ state, marks, area, at, near, onHover, onPick }: OverProps): JSX.Element {
  const { x, y } = area;
  const inX = (px: number): boolean => px >= -0.5 && px <= x.size + 0.5;
  const inY = (py: number): boolean => py >= -0.5 && py <= y.size + 0.5;
  const named = [
    ...state.lines.map(line => ({ ...line, run: line.number, rest: line.rest })),
    ...state.bands.map(band => ({ ...band, run: null, rest: null, state: '' }))
  ]
    .map(one => {
      const [xs, ys] = points(marks, one.mark);
      const i = lastDrawn(ys);
      return { ...one, i, px: i < 0 ? NaN : across(x, xs[i]), py: i < 0 ? NaN : upwards(y, ys[i]) };
    })
    .filter(one => one.i >= 0 && Number.isFinite(one.px) && Number.isFinite(one.py));
  const limits = state.limits.map(limit => ({ ...limit, py: upwards(y, limit.value) })).filter(limit => inY(limit.py));
  const heights = apart([...named.map(one => Math.max(0, Math.min(y.size, one.py))), ...limits.map(limit => limit.py)], 14, y.size);
  const room = area.right - 9;
  const nearKey = near.length && near[0].far < NEAR ? near[0].key : null;
  const said = named.map(one => one.label).join(', ');
  return (
    <svg className="nn-fig-over" role="img" aria-label={`${state.metric} against ${state.x}${said ? `: ${said}` : ''}`}>
      <g transform={`translate(${area.left},${area.top})`}>
        {limits.map(limit => (
          <path
            key={limit.text}
            className={`nn-fig-limit nn-${limit.action}`}
            d={`M0 ${limit.py}H${x.size}`}
          />
        ))}
        {named.map((one, i) => {
          const begin = Math.min(x.size, Math.max(0, one.px + 5));
          const rest = one.rest === null ? 0 : Math.min(x.size, across(x, one.rest));
          return (
            <g key={one.mark} style={{ color: token(one.colour), opacity: nearKey && nearKey !== one.mark ? 0.45 : 1 }}>
              {inX(one.px) && inY(one.py) && (
                <>
                  <path className="nn-fig-rest" d={`M${begin} ${one.py}H${Math.max(begin, rest)}L${x.size + 6} ${heights[i]}`} />
                  <End state={one.state} x={one.px} y={one.py} />
                </>
              )}
            </g>
          );
        })}
        {state.clipped.map(([at, side, colour], i) => {
          const px = across(x, at);
          return inX(px) ? (
            <path
              key={i}
              fill={token(colour)}
              d={side > 0 ? `M${px - 4} 7l4 -7l4 7z` : `M${px - 4} ${y.size - 7}l4 7l4 -7z`}
            >
              <title>{side > 0 ? 'above what can be shown' : 'below what can be shown'}</title>
            </path>
          ) : null;
        })}
        {named.map((one, i) => (
          <text
            key={one.mark}
            className={`nn-fig-name${nearKey === one.mark ? ' nn-on' : ''}`}
            x={x.size + 8}
            y={heights[i]}
            dominantBaseline="central"
            style={{ fill: token(one.colour) }}
            onPointerEnter={() => onHover(one.mark)}
            onPointerLeave={() => onHover(null)}
            onClick={() => one.run !== null && onPick(one.run)}
          >
            <title>{one.title}</title>
            {room < NARROW ? one.label.split(' ')[0] : fit(one.label, room, `600 ${FONT}`)}
          </text>
        ))}
        {limits.map((limit, i) => (
          <text
            key={limit.text}
            className={`nn-fig-word nn-${limit.action}`}
            x={x.size + 8}
            y={heights[named.length + i]}
            dominantBaseline="central"
          >
            <title>{limit.text}</title>
            {room < NARROW ? fit(limit.text.replace(/^\w+ /, ''), room, FONT) : fit(limit.text, room, FONT)}
          </text>
        ))}
        {at && near.length > 0 && (
          <g className="nn-fig-cross">
            <path d={`M${across(x, near[0].x)} 0V${y.size}`} />
            <ThinLine state={state} marks={marks} area={area} hit={near[0]} />
            {near.slice(0, 6).map(hit => (
              <circle key={hit.key} cx={across(x, hit.x)} cy={upwards(y, hit.y)} r={2.5} fill={token(hit.colour)} />
            ))}
          </g>
        )}
      </g>
    </svg>
  );
}

/** The end of a line: a dot, or the shape of what went wrong. */
function End({ state, x, y }: { state: string; x: number; y: number }): JSX.Element {
  const name = `s-${state}`;
  if (WORSE.includes(state) && isIcon(name)) {
    return (
      <svg className={`nn-fig-end nn-c-${state}`} x={x - SIGN / 2} y={y - SIGN / 2} width={SIGN} height={SIGN} viewBox="0 0 16 16" overflow="visible">
        <title>{state}</title>
        <Icon name={name} />
      </svg>
    );
  }
  return <circle cx={x} cy={y} r={3} fill="currentColor" />;
}

/** The one of many thin lines that the pointer is at. */
function ThinLine({ state, marks, area, hit }: { state: Shown; marks: Marks; area: Area; hit: Hit }): JSX.Element | null {
  const part = state.thin?.parts.find(([run]) => hit.key === `#${run}`);
  if (!state.thin || !part) {
    return null;
  }
  const [xs, ys] = points(marks, state.thin.mark);
  const way: string[] = [];
  let drawn = false;
  for (let i = part[2]; i < part[3]; i++) {
    const px = across(area.x, xs[i]);
    const py = upwards(area.y, ys[i]);
    const fits = Number.isFinite(px) && Number.isFinite(py);
    if (fits) {
      way.push(`${drawn ? 'L' : 'M'}${px.toFixed(1)} ${py.toFixed(1)}`);
    }
    drawn = fits;
  }
  return <path className="nn-fig-one" d={way.join('')} />;
}

/** The values at the pointer: the nearest is the heading's, others follow. */
export function Tip({ state, area, at, near }: { state: Shown; area: Area; at: Pointer; near: Hit[] }): JSX.Element {
  const where = near[0].x;
  const place = state.x === 'time' ? `after ${duration(where)}` : `${state.x} ${number(where)}`;
  const left = area.left + at.x;
  const over = at.x > area.x.size / 2;
  const style: React.CSSProperties = {
    top: area.top + Math.max(0, Math.min(at.y - 8, area.y.size - 18 * (near.length + 1))),
    ...(over ? { right: `calc(100% - ${left - 12}px)` } : { left: left + 12 })
  };
  return (
    <div className="nn-pop nn-fig-tip nn-xs" style={style} role="status">
      <b>{place}</b>
      {near.slice(0, 6).map((hit, i) => (
        <div key={hit.key} className="nn-row">
          <span className="nn-el" style={{ color: token(hit.colour), fontWeight: i === 0 && hit.far < NEAR ? 600 : 400 }}>
            {hit.label}
          </span>
          <span className="nn-grow nn-r">{number(hit.y)}</span>
        </div>
      ))}
    </div>
  );
}
