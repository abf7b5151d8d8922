/** Which settings are good: parallel axes to brush, one parameter against the metric, what matters, the best. */
import React from 'react';
import { view, type Props } from '../base';
import { Icon, TroubleMessage, useAsk } from '../kit';
import { Best, Matters } from './compare_lists';
import { Parallel } from './compare_parallel';
import { Scatter } from './compare_scatter';
import { Choice, named, Segments } from './figure_controls';
import { Plots } from './plots';

export interface AxisState {
  name: string;
  /** Where each run is, 0 (below) to 1; -1 for one without a value. */
  places: number[];
  ticks: [number, string][];
  separate: boolean;
}

export interface BrushState {
  axis: string;
  low: number;
  high: number;
  text: string;
}

export interface Told {
  name: string;
  value: number;
  sign: number;
  chance: number;
  matters: boolean;
}

export interface Setting {
  text: string;
  numbers: number[];
  values: number[];
  mean: number;
  half: number;
}

export interface State {
  title: string;
  about: string;
  metric: string;
  metrics: string[];
  largest: boolean;
  numbers: number[];
  states: string[];
  axes: AxisState[];
  values: (number | null)[];
  brushes: BrushState[];
  within: number;
  parameters: string[];
  x: string;
  shape: string;
  heat: [number, number, number, number][];
  importance: Told[];
  method: string;
  forest: boolean;
  repeats: string[];
  overRepeats: boolean;
  best: Setting[];
  plots: string[];
}

/** Brushes by the names of their axes: from, to. */
export type Brushes = Record<string, [number, number]>;

export function isWithin(state: State, brushes: Brushes, run: number): boolean {
  return state.axes.every(({ name, places }) => {
    const brush = brushes[name];
    return !brush || (places[run] >= brush[0] && places[run] <= brush[1] && places[run] >= 0);
  });
}

function Compare({ state, act }: Props<State>): JSX.Element {
  const [ask, trouble, busy, forget] = useAsk();
  // While a brush moves, this page is ahead of the kernel.
  const [moving, setMoving] = React.useState<Brushes | null>(null);
  const known: Brushes = Object.fromEntries(state.brushes.map(brush => [brush.axis, [brush.low, brush.high]]));
  const brushes = moving ?? known;
  React.useEffect(() => setMoving(null), [state.brushes]);
  const set = (name: string, value: string | boolean): void => ask(() => act(name, { value }));
  const brush = (axis: string, low: number, high: number): void => ask(() => act('brush', { axis, low, high }));
  const within = React.useMemo(() => state.numbers.map((_, run) => isWithin(state, brushes, run)), [state, moving]);
  const count = within.filter(Boolean).length;
  return (
    <div className="nn-compare-in">
      <div className="nn-tool nn-cmp-tool">
        <h2 className="nn-el" title={state.title}>
          {state.title || 'Compare'}
        </h2>
        <span className="nn-mut nn-s nn-el nn-grow">{state.about}</span>
        <Choice label="metric" value={state.metric} values={named(state.metrics)} onChange={value => set('metric', value)} />
        <Segments
          label="which is better"
          value={state.largest ? 'largest' : 'smallest'}
          values={['smallest', 'largest']}
          onChange={value => set('largest', value === 'largest')}
        />
      </div>
      <TroubleMessage trouble={trouble} onClose={forget} />
      {state.numbers.length === 0 ? (
        <div className="nn-cmp-none nn-s nn-mut">
          No run has a value of a metric yet. As soon as two have, they are compared here.
        </div>
      ) : (
        <>
          <div className="nn-cap nn-cmp-cap">
            <b>Drag along an axis to keep runs</b>
            <span className="nn-mut nn-el nn-grow">
              {count === state.numbers.length ? `${count.toLocaleString('en')} runs` : `${count.toLocaleString('en')} of ${state.numbers.length.toLocaleString('en')} runs`}
            </span>
            {state.brushes.map(one => (
              <button
                key={one.axis}
                type="button"
                className="nn-chip"
                aria-label={`Remove the brush ${one.text}`}
                title="Remove this brush"
                onClick={() => brush(one.axis, 0, 1)}
              >
                {one.text}
                <Icon name="x" />
              </button>
            ))}
          </div>
          <Parallel state={state} brushes={brushes} within={within} onMove={setMoving} onBrush={brush} />
          <div className="nn-grid3">
            <div>
              <div className="nn-cap">
                <b className="nn-el">{state.metric} by</b>
                <Choice label="parameter" value={state.x} values={named(state.parameters)} onChange={value => set('x', value)} />
                <Choice
                  label="second parameter"
                  value={state.shape}
                  values={[['', 'alone'], ...named(state.parameters.filter(name => name !== state.x))]}
                  onChange={value => set('shape', value)}
                />
              </div>
              <Scatter state={state} within={within} />
            </div>
            <Matters state={state} busy={busy} onMethod={method => set('importance', method)} />
            <Best state={state} onOver={over => set('repeats', over)} />
          </div>
          <Plots plots={state.plots} act={act} />
        </>
      )}
    </div>
  );
}

export const CompareView = view<State>(Compare, 'nn-compare');
