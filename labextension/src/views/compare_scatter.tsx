/** One parameter against the metric; with a second one, its values as shapes and colours, or a heat map. */
import React from 'react';
import type { AxisState, State } from './compare';
import { useTheme, useWidth } from './compare_parallel';
import { number } from './figure_geometry';

const HEIGHT = 164;
const TOP = 18;
const BOTTOM = 24;
const LEFT = 44;
const RIGHT = 10;
const COLOURS = ['l1', 'l2', 'l3', 'l4', 'l5'];
const MANY = 6; // from so many values of the second parameter on, cells say more than shapes

export function Scatter({ state, within }: { state: State; within: boolean[] }): JSX.Element {
  const box = React.useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const theme = useTheme();
  const x = state.axes.find(axis => axis.name === state.x);
  const y = state.axes[state.axes.length - 1];
  const second = state.axes.find(axis => axis.name === state.shape);
  const cells = second && state.heat.length > 0 && (second.ticks.length >= MANY || !second.separate);
  return (
    <div className="nn-cmp-scatter" ref={box} style={{ height: HEIGHT }}>
      {width > 0 && x && (cells ? <Heat state={state} x={x} y={second} width={width} /> : <Points key={theme} state={state} x={x} y={y} second={second} within={within} width={width} />)}
    </div>
  );
}

const toY = (place: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - place);
// Values at the ends stay clear of the edges.
const toX = (place: number, width: number): number => LEFT + 12 + (width - LEFT - RIGHT - 24) * place;

interface PointsProps {
  state: State;
  x: AxisState;
  y: AxisState;
  second: AxisState | undefined;
  within: boolean[];
  width: number;
}

function Points({ state, x, y, second, within, width }: PointsProps): JSX.Element {
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const groups = second ? second.ticks.map(([place]) => place) : [];
  const group = (run: number): number => Math.max(0, groups.indexOf(second?.places[run] ?? -1)) % COLOURS.length;
  React.useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || !canvas.current) {
      return;
    }
    const sharp = window.devicePixelRatio || 1;
    canvas.current.width = width * sharp;
    canvas.current.height = HEIGHT * sharp;
    context.scale(sharp, sharp);
    const style = getComputedStyle(canvas.current);
    state.numbers.forEach((run, i) => {
      if (x.places[i] < 0 || y.places[i] < 0) {
        return;
      }
      const shift = x.separate ? (group(i) - Math.max(0, groups.length - 1) / 2) * 8 + ((run * 7) % 5) - 2 : 0;
      const colour = style.getPropertyValue(`--nn-${within[i] ? COLOURS[group(i)] : 'band'}`).trim();
      context.fillStyle = context.strokeStyle = colour;
      context.beginPath();
      shape(context, group(i), toX(x.places[i], width) + shift, toY(y.places[i]));
      context.globalAlpha = within[i] ? 0.35 : 0.12;
      context.fill();
      context.globalAlpha = within[i] ? 0.9 : 0.3;
      context.stroke();
    });
  }, [state, within, width]);
  return (
    <>
      <svg width={width} height={HEIGHT} role="img" aria-label={`${state.metric} against ${x.name}`}>
        <Frame x={x} y={y} width={width} />
        {second && (
          <g>
            {second.ticks.slice(0, COLOURS.length).map(([, text], i) => (
              <text key={text} x={LEFT + 12 + i * 74} y={10} style={{ fill: `var(--nn-${COLOURS[i]})` }}>
                {'●▲■◆▼'[i]} {text.length > 8 ? `${text.slice(0, 7)}…` : text}
              </text>
            ))}
          </g>
        )}
      </svg>
      <canvas ref={canvas} style={{ width, height: HEIGHT }} aria-hidden="true" />
    </>
  );
}

function shape(context: CanvasRenderingContext2D, kind: number, x: number, y: number): void {
  const ways = [[], [[0, -4], [4, 3], [-4, 3]], [[-3, -3], [3, -3], [3, 3], [-3, 3]], [[0, -4], [4, 0], [0, 4], [-4, 0]], [[0, 4], [4, -3], [-4, -3]]];
  if (kind === 0) {
    context.arc(x, y, 3.2, 0, 7);
    return;
  }
  ways[kind].forEach(([dx, dy], i) => (i ? context.lineTo(x + dx, y + dy) : context.moveTo(x + dx, y + dy)));
  context.closePath();
}

function Frame({ x, y, width }: { x: AxisState; y: AxisState; width: number }): JSX.Element {
  const every = Math.max(1, Math.ceil(x.ticks.length / Math.max(1, (width - LEFT) / 52)));
  return (
    <g>
      {y.ticks.map(([at, text]) => (
        <g key={text}>
          <path className="nn-grid" d={`M${LEFT} ${toY(at)}H${width - RIGHT}`} />
          <text x={LEFT - 6} y={toY(at) + 4} textAnchor="end">
            {text.length > 7 ? `${text.slice(0, 6)}…` : text}
          </text>
        </g>
      ))}
      <path className="nn-axis" d={`M${LEFT} ${HEIGHT - BOTTOM + 3}H${width - RIGHT}`} />
      {x.ticks.map(([at, text], i) =>
        i % every ? null : (
          <g key={text}>
            <path className="nn-axis" d={`M${toX(at, width)} ${HEIGHT - BOTTOM + 3}v4`} />
            <text x={toX(at, width)} y={HEIGHT - 6} textAnchor="middle">
              {text.length > 9 ? `${text.slice(0, 8)}…` : text}
            </text>
          </g>
        )
      )}
    </g>
  );
}

function Heat({ state, x, y, width }: { state: State; x: AxisState; y: AxisState; width: number }): JSX.Element {
  const xs = [...new Set(state.heat.map(cell => cell[0]))];
  const ys = [...new Set(state.heat.map(cell => cell[1]))];
  const values = state.heat.map(cell => cell[2]);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const wide = Math.max(3, Math.min(64, (width - LEFT - RIGHT) / xs.length - 1));
  const tall = Math.max(3, Math.min(40, (HEIGHT - TOP - BOTTOM + 12) / ys.length - 1));
  return (
    <svg width={width} height={HEIGHT} role="img" aria-label={`median of ${state.metric} by ${x.name} and ${y.name}`}>
      <Frame x={x} y={y} width={width} />
      {state.heat.map(([atX, atY, value, runs]) => {
        const part = high > low ? (value - low) / (high - low) : 0.5;
        const good = state.largest ? part : 1 - part;
        return (
          <g key={`${atX} ${atY}`}>
            <rect
              x={toX(atX, width) - wide / 2}
              y={toY(atY) - tall / 2}
              width={wide}
              height={tall}
              fill="var(--nn-l1)"
              fillOpacity={0.08 + 0.85 * good}
            >
              <title>{`median ${number(value)} of ${runs} runs`}</title>
            </rect>
            {wide > 34 && tall > 13 && (
              <text className={good > 0.6 ? 'nn-cmp-on' : ''} x={toX(atX, width)} y={toY(atY) + 4} textAnchor="middle" pointerEvents="none">
                {number(value)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
