/** The runs' curves, strong up to where a rule would have stopped them and faint behind. */
import React from 'react';
import { useTheme, useWidth } from './compare_parallel';
import { across, fit, upwards, type Span } from './figure_geometry';

export interface Curve {
  number: number;
  name: string;
  x: number[];
  y: (number | null)[];
  points: number;
}

const HEIGHT = 220;
const TOP = 8;
const BOTTOM = 32;
const LEFT = 52;
const RIGHT = 10;
const LOG = 8; // times as great as the least value: then small differences are seen on a log scale only

interface CutsProps {
  curves: Curve[];
  cuts: [number, number][];
  lost: number[];
  best: number[];
  metric: string;
  total: number;
}

export function Cuts({ curves, cuts, lost, best, metric, total }: CutsProps): JSX.Element {
  const box = React.useRef<HTMLDivElement>(null);
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const width = useWidth(box);
  const theme = useTheme();
  const [x, y] = React.useMemo(() => spans(curves, width), [curves, width]);
  React.useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (context && canvas.current && width > 0) {
      draw(context, canvas.current, { curves, cuts: new Map(cuts), lost: new Set(lost), best: new Set(best), x, y, width });
    }
  }, [curves, cuts, lost.join(), best.join(), width, theme]);
  const every = ticks(y);
  return (
    <div className="nn-bt-curves" ref={box} style={{ height: HEIGHT }}>
      {width > 0 && curves.length > 0 && (
        <>
          <svg width={width} height={HEIGHT} role="img" aria-label={`${metric} by point; stopped runs end at a square, the best are strong`}>
            {every.map(value => (
              <g key={value}>
                <path className="nn-grid" d={`M${LEFT} ${TOP + upwards(y, value)}H${width - RIGHT}`} />
                <text x={LEFT - 6} y={TOP + upwards(y, value) + 4} textAnchor="end">
                  {fit(String(value), LEFT - 8, '11px sans-serif')}
                </text>
              </g>
            ))}
            <path className="nn-axis" d={`M${LEFT} ${HEIGHT - BOTTOM}H${width - RIGHT}`} />
            {ticks(x).map(value => (
              <text key={value} x={LEFT + across(x, value)} y={HEIGHT - BOTTOM + 13} textAnchor="middle">
                {value.toLocaleString('en')}
              </text>
            ))}
            <text x={width - RIGHT} y={HEIGHT - 4} textAnchor="end">
              {curves.length < total ? `point; ${curves.length} of ${total.toLocaleString('en')} runs are drawn` : 'point'}
            </text>
          </svg>
          <canvas ref={canvas} style={{ width, height: HEIGHT }} aria-hidden="true" />
        </>
      )}
    </div>
  );
}

function spans(curves: Curve[], width: number): [Span, Span] {
  let [low, high, most] = [Infinity, -Infinity, 1];
  for (const curve of curves) {
    most = Math.max(most, curve.points);
    for (const value of curve.y) {
      if (value !== null) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
  }
  if (low > high) {
    [low, high] = [0, 1];
  }
  const log = low > 0 && high > LOG * low;
  if (low === high) {
    [low, high] = [low - 1, high + 1];
  }
  return [
    { low: 0, high: most, log: false, size: Math.max(1, width - LEFT - RIGHT) },
    { low, high, log, size: HEIGHT - TOP - BOTTOM }
  ];
}

/** A few round values within an axis. */
function ticks(axis: Span): number[] {
  if (axis.log) {
    const found: number[] = [];
    for (let power = Math.floor(Math.log10(axis.low)); power <= Math.log10(axis.high); power++) {
      found.push(...[1, 2, 5].map(n => n * 10 ** power));
    }
    const inside = found.filter(value => value >= axis.low && value <= axis.high).map(value => Number(value.toPrecision(3)));
    const every = Math.ceil(inside.length / 5);
    return inside.filter((_, i) => i % every === 0);
  }
  const raw = (axis.high - axis.low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * (raw / power < 1.5 ? 1 : raw / power < 3.5 ? 2 : raw / power < 7.5 ? 5 : 10);
  const found: number[] = [];
  for (let value = Math.ceil(axis.low / step) * step; value <= axis.high; value += step) {
    found.push(Number(value.toPrecision(6)));
  }
  return found;
}

interface Drawing {
  curves: Curve[];
  cuts: Map<number, number>;
  lost: Set<number>;
  best: Set<number>;
  x: Span;
  y: Span;
  width: number;
}

function draw(context: CanvasRenderingContext2D, canvas: HTMLCanvasElement, drawing: Drawing): void {
  const { curves, cuts, lost, best, x, y, width } = drawing;
  const sharp = window.devicePixelRatio || 1;
  canvas.width = width * sharp;
  canvas.height = HEIGHT * sharp;
  context.scale(sharp, sharp);
  context.translate(LEFT, TOP);
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(`--nn-${name}`).trim();
  // What matters is drawn last: those that go on, the best, those that would have been lost.
  const rank = (curve: Curve): number => 4 * Number(lost.has(curve.number)) + 2 * Number(best.has(curve.number)) + Number(!cuts.has(curve.number));
  for (const curve of [...curves].sort((a, b) => rank(a) - rank(b))) {
    const end = cuts.get(curve.number) ?? Infinity;
    const strong = best.has(curve.number);
    const tint = lost.has(curve.number) ? 'terminated' : strong ? 'l1' : 'band';
    context.strokeStyle = context.fillStyle = colour(tint);
    context.lineWidth = strong ? 1.5 : 1;
    const corner = line(context, curve, x, y, 0, end, strong ? 1 : 0.7);
    if (end < Infinity) {
      line(context, curve, x, y, end, Infinity, lost.has(curve.number) ? 0.45 : 0.13);
      if (corner) {
        context.globalAlpha = 1;
        context.fillStyle = colour('terminated');
        context.fillRect(corner[0] - 2, corner[1] - 2, 4, 4);
      }
    }
  }
}

/** Draws the part of a curve between two points; where that ends. */
function line(context: CanvasRenderingContext2D, curve: Curve, x: Span, y: Span, from: number, to: number, alpha: number): [number, number] | null {
  let last: [number, number] | null = null;
  let pen = false;
  context.globalAlpha = alpha;
  context.beginPath();
  const put = (at: number, value: number): void => {
    last = [across(x, at), upwards(y, value)];
    if (pen) {
      context.lineTo(...last);
    } else {
      context.moveTo(...last);
    }
    pen = true;
  };
  for (let i = 0; i < curve.x.length; i++) {
    const value = curve.y[i];
    const at = curve.x[i];
    const before = i > 0 ? curve.y[i - 1] : null;
    if (value === null) {
      pen = false;
      continue;
    }
    const between = (point: number): number =>
      before === null ? value : before + ((value - before) * (point - curve.x[i - 1])) / Math.max(1e-9, at - curve.x[i - 1]);
    if (!pen && before !== null && at > from && curve.x[i - 1] < from) {
      put(from, between(from));
    }
    if (at > to) {
      if (before !== null && curve.x[i - 1] < to) {
        put(to, between(to));
      }
      break;
    }
    if (at >= from) {
      put(at, value);
    }
  }
  context.stroke();
  return last;
}
