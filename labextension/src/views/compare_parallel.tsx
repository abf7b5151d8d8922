/** Parallel axes: the lines on a canvas, since thousands of SVG paths do not follow a hand; brushes above them. */
import React from 'react';
import type { Brushes, State } from './compare';

interface ParallelProps {
  state: State;
  brushes: Brushes;
  within: boolean[];
  onMove: (brushes: Brushes | null) => void;
  onBrush: (axis: string, low: number, high: number) => void;
}

const HEIGHT = 250;
const TOP = 34;
const BOTTOM = 14;
const LEFT = 58; // the least; values of the first axis stand there
const LETTER = 7.2; // pixels, in the broadest font that a user is likely to have
const MOST = 9; // letters of a value
const APART = 68; // pixels between two axes, the least: a name and values have room; there is more than is seen, then
const BAR = 12; // pixels of a scroll bar
const HALF = 9; // pixels of a brush to either side of its axis
const SNAP = 0.03; // so near to its end a brush takes in all to there
const STEP = 0.05; // of an axis, for one press of a key
const INNER = HEIGHT - TOP - BOTTOM;

const toPixel = (place: number): number => TOP + INNER * (1 - place);
const toPlace = (pixel: number): number => Math.max(0, Math.min(1, 1 - (pixel - TOP) / INNER));

/** A little beside its value where many runs share it, so that lines do not hide each other. */
const beside = (run: number): number => ((run * 7) % 9) * 0.006 - 0.024;

export function useWidth(box: React.RefObject<HTMLElement>): number {
  const [width, setWidth] = React.useState(0);
  React.useEffect(() => {
    if (!box.current) {
      return;
    }
    const watcher = new ResizeObserver(entries => setWidth(Math.floor(entries[entries.length - 1].contentRect.width)));
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  return width;
}

/** Changes whenever the theme does: a canvas does not follow CSS by itself. */
export function useTheme(): string {
  const [theme, setTheme] = React.useState(document.body.dataset.jpThemeName ?? '');
  React.useEffect(() => {
    const watcher = new MutationObserver(() => setTheme(document.body.dataset.jpThemeName ?? ''));
    watcher.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-name', 'data-jp-theme-light'] });
    return () => watcher.disconnect();
  }, []);
  return theme;
}

export function Parallel({ state, brushes, within, onMove, onBrush }: ParallelProps): JSX.Element {
  const box = React.useRef<HTMLDivElement>(null);
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const seen = useWidth(box);
  const theme = useTheme();
  const right = seen < 420 ? 44 : 70;
  const left = Math.max(LEFT, 16 + LETTER * Math.max(0, ...(state.axes[0]?.ticks ?? []).map(([, text]) => Math.min(MOST, text.length))));
  const width = seen && Math.max(seen, left + right + APART * (state.axes.length - 1));
  const across = (axis: number): number => left + ((width - left - right) * axis) / Math.max(1, state.axes.length - 1);
  React.useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (context && canvas.current && width > 0) {
      draw(context, canvas.current, state, within, width, across);
    }
  }, [state, within, width, theme]);
  return (
    <div className="nn-cmp-par" ref={box} style={{ height: HEIGHT + (width > seen ? BAR : 0) }}>
      <canvas ref={canvas} style={{ width, height: HEIGHT }} aria-hidden="true" />
      <svg width={width} height={HEIGHT} role="group" aria-label={`Parallel coordinates of ${state.axes.map(axis => axis.name).join(', ')}`}>
        {width > 0 &&
          state.axes.map((axis, i) => (
            <Axis
              key={axis.name}
              name={axis.name}
              ticks={axis.ticks}
              x={across(i)}
              before={i === 0}
              room={Math.max(30, (width - left - right) / Math.max(1, state.axes.length - 1) - 14)}
              brush={brushes[axis.name]}
              onMove={(low, high) => onMove({ ...brushes, [axis.name]: [low, high] })}
              onBrush={(low, high) => onBrush(axis.name, low, high)}
            />
          ))}
      </svg>
    </div>
  );
}

interface AxisProps {
  name: string;
  ticks: [number, string][];
  x: number;
  before: boolean;
  room: number;
  brush: [number, number] | undefined;
  onMove: (low: number, high: number) => void;
  onBrush: (low: number, high: number) => void;
}

function Axis({ name, ticks, x, before, room, brush, onMove, onBrush }: AxisProps): JSX.Element {
  const held = React.useRef<{ from: number; brush: [number, number] | null; now: [number, number] } | null>(null);
  const place = (event: React.PointerEvent<SVGElement>): number => {
    const top = event.currentTarget.ownerSVGElement?.getBoundingClientRect().top ?? 0;
    return toPlace(event.clientY - top);
  };
  const down = (event: React.PointerEvent<SVGRectElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId);
    const from = place(event);
    // Within a brush it is moved as a whole; near its ends, or elsewhere, a new end is set.
    const edge = 6 / INNER;
    let start = from;
    let whole: [number, number] | null = null;
    if (brush && from > brush[0] + edge && from < brush[1] - edge) {
      whole = brush;
    } else if (brush && Math.abs(from - brush[0]) <= edge) {
      start = brush[1];
    } else if (brush && Math.abs(from - brush[1]) <= edge) {
      start = brush[0];
    }
    held.current = { from: start, brush: whole, now: whole ?? [start, start] };
    if (whole) {
      held.current.from = from;
    }
  };
  const move = (event: React.PointerEvent<SVGRectElement>): void => {
    const hold = held.current;
    if (!hold) {
      return;
    }
    const to = place(event);
    if (hold.brush) {
      const by = Math.max(-hold.brush[0], Math.min(1 - hold.brush[1], to - hold.from));
      hold.now = [hold.brush[0] + by, hold.brush[1] + by];
    } else {
      hold.now = [Math.min(hold.from, to), Math.max(hold.from, to)];
    }
    hold.now = [hold.now[0] < SNAP ? 0 : hold.now[0], hold.now[1] > 1 - SNAP ? 1 : hold.now[1]];
    onMove(...hold.now);
  };
  const up = (): void => {
    const hold = held.current;
    held.current = null;
    if (hold) {
      const [low, high] = hold.now;
      // A click, not a drag, takes the brush away.
      onBrush(...(high - low < 4 / INNER ? ([0, 1] as const) : ([low, high] as const)));
    }
  };
  const key = (event: React.KeyboardEvent): void => {
    const [low, high] = brush ?? [0, 1];
    const by = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
    if (by !== undefined) {
      onBrush(...(event.shiftKey ? ([Math.max(0, Math.min(high, low + by)), high] as const) : ([low, Math.min(1, Math.max(low, high + by))] as const)));
    } else if (event.key === 'Delete' || event.key === 'Escape') {
      onBrush(0, 1);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const shown = brush && [toPixel(brush[1]), Math.max(2, toPixel(brush[0]) - toPixel(brush[1]))];
  return (
    <g className="nn-cmp-axis">
      <path d={`M${x} ${TOP}V${HEIGHT - BOTTOM}`} />
      <foreignObject x={Math.max(0, x - room / 2)} y={TOP - 28} width={room} height={18}>
        <div className="nn-cmp-name nn-el" title={name}>
          {name}
        </div>
      </foreignObject>
      {ticks.map(([at, text]) => (
        <g key={text}>
          <path d={`M${x - 3} ${toPixel(at)}h6`} />
          <text x={before ? x - 7 : x + 7} y={toPixel(at) + 4} textAnchor={before ? 'end' : 'start'}>
            <title>{text}</title>
            {text.length > MOST ? `${text.slice(0, MOST - 1)}…` : text}
          </text>
        </g>
      ))}
      {shown && <rect className="nn-cmp-brush" x={x - HALF + 1} width={2 * HALF - 2} y={shown[0]} height={shown[1]} />}
      <rect
        className="nn-cmp-hold"
        x={x - 2 * HALF}
        width={4 * HALF}
        y={TOP - 6}
        height={INNER + 12}
        tabIndex={0}
        role="slider"
        aria-label={`Brush of ${name}: up and down move its upper end, with Shift its lower end, Delete removes it`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(100 * (brush?.[1] ?? 1))}
        aria-valuetext={brush ? `${Math.round(100 * brush[0])} to ${Math.round(100 * brush[1])} percent of the axis` : 'no brush'}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onKeyDown={key}
      />
    </g>
  );
}

function draw(
  context: CanvasRenderingContext2D,
  canvas: HTMLCanvasElement,
  state: State,
  within: boolean[],
  width: number,
  across: (axis: number) => number
): void {
  const sharp = window.devicePixelRatio || 1;
  canvas.width = width * sharp;
  canvas.height = HEIGHT * sharp;
  context.scale(sharp, sharp);
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(`--nn-${name}`).trim();
  const count = state.numbers.length;
  const brushed = within.some(one => !one);
  // The more lines, the fainter each: where many go the same way it is dark.
  const faint = Math.max(0.06, Math.min(0.3, 12 / count));
  const strong = Math.max(0.15, Math.min(0.85, 40 / count));
  for (const on of [false, true]) {
    context.strokeStyle = colour(on ? 'l1' : 'band');
    context.globalAlpha = on ? (brushed ? Math.max(strong, 0.35) : strong) : faint;
    context.lineWidth = on && brushed ? 1.5 : 1;
    for (let run = 0; run < count; run++) {
      if (within[run] !== on) {
        continue;
      }
      context.beginPath();
      let last: [number, number] | null = null;
      state.axes.forEach((axis, i) => {
        const place = axis.places[run];
        if (place < 0) {
          last = null;
          return;
        }
        const x = across(i);
        const y = toPixel(place + (axis.separate && i > 0 ? beside(run) : 0));
        if (last) {
          const half = (last[0] + x) / 2;
          context.bezierCurveTo(half, last[1], half, y, x, y);
        } else {
          context.moveTo(x, y);
        }
        last = [x, y];
      });
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}
