/** What matters, as bars, and the best settings with the spread of their repeats. */
import React from 'react';
import type { State } from './compare';
import { Segments } from './figure_controls';
import { number } from './figure_geometry';

export function Matters({ state, busy, onMethod }: { state: State; busy: boolean; onMethod: (method: string) => void }): JSX.Element {
  const rank = state.method !== 'forest';
  return (
    <div>
      <div className="nn-cap">
        <b>What matters</b>
        <span className="nn-mut nn-grow nn-cmp-whole">
          <span>
            {!state.forest && 'rank correlation, '}
            {state.numbers.length.toLocaleString('en')} runs
          </span>
        </span>
        {state.forest && (
          <Segments label="how importance is found" value={busy ? '' : rank ? 'rank' : 'forest'} values={['rank', 'forest']} onChange={onMethod} />
        )}
      </div>
      {state.importance.length === 0 ? (
        <p className="nn-s nn-mut">Four runs with different values and a parameter that varies are needed.</p>
      ) : (
        <div className="nn-cmp-bars nn-s">
          {state.importance.slice(0, 8).map(one => (
            <React.Fragment key={one.name}>
              <span className="nn-el" title={one.name}>
                {one.name}
              </span>
              <span className="nn-cmp-way" title={`chance reaches ${one.chance.toFixed(2)}`}>
                <span
                  className={one.matters ? 'nn-cmp-bar' : 'nn-cmp-bar nn-cmp-chance'}
                  style={{ width: `${Math.max(1, 100 * Math.min(1, one.value))}%` }}
                />
              </span>
              <span className="nn-r">
                {one.sign < 0 ? '−' : ''}
                {one.value.toFixed(2)}
              </span>
            </React.Fragment>
          ))}
        </div>
      )}
      {state.importance.some(one => !one.matters) && <p className="nn-xs nn-mut">Grey: no more than chance in a sweep of this size.</p>}
    </div>
  );
}

export function Best({ state, onOver }: { state: State; onOver: (over: boolean) => void }): JSX.Element {
  const over = state.overRepeats && state.repeats.length > 0;
  const values = state.best.flatMap(one => one.values);
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const at = (value: number): number => 4 + (56 * (value - low)) / span;
  return (
    <div>
      <div className="nn-cap">
        <b>Best</b>
        {state.repeats.length > 0 && (
          <Segments
            label="what is ranked"
            value={over ? `over ${state.repeats[0]}s` : 'runs'}
            values={['runs', `over ${state.repeats[0]}s`]}
            onChange={value => onOver(value !== 'runs')}
          />
        )}
        <span className="nn-grow" />
        <span className="nn-mut nn-cmp-wide">{over ? 'mean ± half range' : 'last value'}</span>
      </div>
      <ol className="nn-cmp-best nn-s">
        {state.best.map((one, i) => (
          <li key={one.numbers.join(' ')} title={one.numbers.map(run => `#${run}`).join(', ')}>
            <span className="nn-mut">{i + 1}</span>
            <span className="nn-el">{i === 0 ? <b>{one.text}</b> : one.text}</span>
            <svg width={64} height={14} aria-hidden="true">
              <path d="M4 7H60" stroke="var(--nn-faint)" />
              <path d={`M${at(Math.min(...one.values))} 7H${at(Math.max(...one.values))}`} stroke="var(--nn-muted)" strokeWidth={1.5} />
              {one.values.slice(0, 20).map((value, j) => (
                <circle key={j} cx={at(value)} cy={7} r={3} fill="var(--nn-l1)" fillOpacity={0.6} />
              ))}
            </svg>
            <b className="nn-r">{number(one.mean)}</b>
            <span className="nn-mut">{over && one.values.length > 1 ? `± ${one.half.toPrecision(2)}` : ''}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
