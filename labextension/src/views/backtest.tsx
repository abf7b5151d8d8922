/** Sliders of a rule, and what it would have done to recorded runs: in words, as cut curves, as a list. */
import type { JSONObject, JSONValue } from '@lumino/coreutils';
import React from 'react';
import { view, type Act, type Props } from '../base';
import { Button, Icon, IconButton, LinkButton, TroubleMessage, useAsk } from '../kit';
import { copy, openFile, openRun } from '../shell';
import { Cuts, type Curve } from './backtest_curves';
import { Choice, named, Segments } from './figure_controls';

interface SliderState {
  name: string;
  label: string;
  low: number;
  high: number;
  step: number;
  value: number;
}

interface Row {
  number: number;
  name: string;
  point: number;
  value: string;
  saved: string;
  why: string;
  lost: boolean;
}

export interface State {
  opened: boolean;
  problem: string;
  hint: string;
  title: string;
  settings: { metric: string; goal: string; rule: string; sign: string };
  metrics: string[];
  goals: string[];
  rules: string[];
  signs: string[];
  sliders: SliderState[];
  line: string;
  experiment: string;
  version: number;
  stopped: number;
  runs: number;
  percent: number;
  saved: string;
  took: string;
  top: number;
  lost: { number: number; name: string }[];
  best: number[];
  /** Runs that a rule or a condition had ended when they were recorded. */
  cut: number;
  /** Of the runs that are drawn: number, and at which point it would have been stopped. */
  cuts: [number, number][];
  rows: Row[];
}

type Words = Record<string, string | number>;

/**
 * Sends changes one after the other: while the kernel works on one, only the newest of what follows is kept.  What is
 * not answered yet is shown as the user has it: [those words, change].
 */
function useSteps(act: Act, ask: (work: () => Promise<void>) => void): [Words, (words: Words) => void] {
  const [ahead, setAhead] = React.useState<Words>({});
  const waiting = React.useRef<Words>({});
  const busy = React.useRef(false);
  const send = async (): Promise<void> => {
    busy.current = true;
    try {
      while (Object.keys(waiting.current).length) {
        const words = waiting.current;
        waiting.current = {};
        await act('set', words as JSONObject);
      }
    } finally {
      busy.current = false;
      waiting.current = {};
      // The state comes in a message of its own, right after the answer.
      window.setTimeout(() => !busy.current && setAhead({}), 400);
    }
  };
  const change = (words: Words): void => {
    waiting.current = { ...waiting.current, ...words };
    setAhead(before => ({ ...before, ...words }));
    if (!busy.current) {
      ask(send);
    }
  };
  return [ahead, change];
}

function useCurves(state: State, act: Act): Curve[] {
  const [curves, setCurves] = React.useState<Curve[]>([]);
  React.useEffect(() => {
    let gone = false;
    if (state.version) {
      act<{ curves: JSONValue }>('curves').then(
        answer => !gone && setCurves(answer.curves as unknown as Curve[]),
        () => undefined // the words and the list say the same
      );
    }
    return () => {
      gone = true;
    };
  }, [state.version]);
  return curves;
}

function Backtest({ state, act }: Props<State>): JSX.Element {
  const [ask, trouble, busy, forget] = useAsk();
  const [ahead, change] = useSteps(act, ask);
  const [written, setWritten] = React.useState<{ file: string; line: string } | null>(null);
  const curves = useCurves(state, act);
  if (!state.opened) {
    return (
      <div className="nn-bt-closed">
        <Icon name="right" />
        <LinkButton onClick={() => ask(() => act('set'))}>What would a rule have saved?</LinkButton>
        <TroubleMessage trouble={trouble} onClose={forget} />
      </div>
    );
  }
  if (state.problem) {
    return (
      <div className="nn-bt-none nn-s nn-mut">
        {state.problem} {state.hint}
      </div>
    );
  }
  const use = (): void => ask(async () => setWritten(await act<{ file: string; line: string }>('use')));
  const settings = { ...state.settings, ...ahead } as State['settings'];
  const is = settings.rule === 'threshold';
  return (
    <section className="nn-bt" aria-label="What would a rule have saved?">
      <div className="nn-tool nn-bt-tool">
        <h2 className="nn-el nn-grow" title={state.title}>
          What would a rule have saved?
        </h2>
        <Choice label="metric" value={settings.metric} values={named(state.metrics)} onChange={metric => change({ metric })} />
        <Segments label="goal" value={settings.goal} values={state.goals} onChange={goal => change({ goal })} />
        <Segments label="rule" value={settings.rule} values={state.rules} onChange={rule => change({ rule })} />
        {is && <Segments label="stopped when the metric is" value={settings.sign} values={state.signs} onChange={sign => change({ sign })} />}
      </div>
      <div className="nn-bt-sliders">
        {state.sliders.map(slider => (
          <Slider key={slider.name} slider={slider} value={Number(ahead[slider.name] ?? slider.value)} onChange={value => change({ [slider.name]: value })} />
        ))}
      </div>
      <TroubleMessage trouble={trouble} onClose={forget} />
      <Answer state={state} />
      <div className="nn-bt-cols">
        <Cuts curves={curves} cuts={state.cuts} lost={state.lost.map(one => one.number)} best={state.best} metric={state.settings.metric} total={state.runs} />
        <Stopped state={state} />
      </div>
      <div className="nn-bt-use nn-s">
        <code className="nn-el nn-grow" title={state.line}>
          {state.line}
        </code>
        <IconButton icon="copy" label="Copy the line" onClick={() => copy(state.line)} />
        {state.experiment && (
          <Button disabled={busy} title={`Write it into the config.yaml of ${state.experiment}; runs that were submitted stay as they are`} onClick={use}>
            Use this rule
          </Button>
        )}
      </div>
      {written && (
        <div className="nn-bt-use nn-s" role="status">
          <span className="nn-grow nn-el" title={written.line}>
            {state.experiment} has it from its next submission on: <code>{written.line}</code>
          </span>
          <LinkButton title={written.file} onClick={() => void openFile(written.file)}>
            Open config.yaml
          </LinkButton>
          <IconButton icon="x" label="Dismiss" onClick={() => setWritten(null)} />
        </div>
      )}
    </section>
  );
}

/** A slider, and the same number to be typed: also beyond the slider's ends. */
function Slider({ slider, value, onChange }: { slider: SliderState; value: number; onChange: (value: number) => void }): JSX.Element {
  const [typed, setTyped] = React.useState<string | null>(null);
  const done = (): void => {
    const number = Number(typed);
    if (typed !== null && typed.trim() !== '' && Number.isFinite(number) && number !== value) {
      onChange(number);
    }
    setTyped(null);
  };
  return (
    <label className="nn-bt-slider nn-s">
      <span className="nn-mut nn-el">{slider.label}</span>
      <input
        type="range"
        data-lm-suppress-shortcuts="true" // in a notebook the arrows fold and unfold headings
        aria-label={slider.label}
        min={slider.low}
        max={slider.high}
        step={slider.step}
        value={value}
        onChange={event => onChange(event.target.valueAsNumber)}
      />
      <input
        className="nn-in"
        aria-label={`${slider.label}, typed`}
        inputMode="decimal"
        value={typed ?? String(value)}
        onChange={event => setTyped(event.target.value)}
        onBlur={done}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            done();
          } else if (event.key === 'Escape') {
            setTyped(null);
          }
        }}
      />
    </label>
  );
}

function Answer({ state }: { state: State }): JSX.Element {
  const several = (count: number): string => count.toLocaleString('en');
  return (
    <div className="nn-bt-answer" role="status">
      <b>
        {several(state.stopped)} of {several(state.runs)} runs would have been stopped
      </b>
      {state.stopped > 0 && `: ${state.saved} or ${state.percent} % of ${state.took} saved`}.{' '}
      {state.top > 0 &&
        (state.lost.length === 0 ? (
          `Of the best ${state.top} it would have lost none.`
        ) : (
          <span className="nn-bt-lost">
            <Icon name="l-ask" /> Of the best {state.top} it would have lost{' '}
            {state.lost.map((run, index) => (
              <React.Fragment key={run.number}>
                {index > 0 && ', '}
                <bdi>{run.name}</bdi> (#{run.number})
              </React.Fragment>
            ))}
            .
          </span>
        ))}
      {state.cut > 0 && ` ${several(state.cut)} of the curves are cut: a rule or a condition had ended the run.`}
    </div>
  );
}

function Stopped({ state }: { state: State }): JSX.Element {
  return (
    <div className="nn-bt-list" tabIndex={0} role="group" aria-label="Stopped runs">
      <table>
        <thead>
          <tr>
            <th scope="col">run</th>
            <th scope="col" className="nn-num">
              point
            </th>
            <th scope="col" className="nn-num">
              {state.settings.rule === 'threshold' ? 'value' : 'best so far'}
            </th>
            <th scope="col" className="nn-num">
              saved
            </th>
          </tr>
        </thead>
        <tbody>
          {state.rows.map(row => (
            <tr key={row.number} className={row.lost ? 'nn-bt-lost' : ''} title={row.why}>
              <td>
                <LinkButton title={row.name} onClick={() => void openRun(row.number)}>
                  {row.lost && <Icon name="l-ask" />} <bdi>{row.name}</bdi>
                </LinkButton>
              </td>
              <td className="nn-num">{row.point.toLocaleString('en')}</td>
              <td className="nn-num">{row.value}</td>
              <td className="nn-num">{row.saved}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {state.stopped > state.rows.length && <div className="nn-s nn-mut">and {(state.stopped - state.rows.length).toLocaleString('en')} more</div>}
      {state.stopped === 0 && <div className="nn-s nn-mut">No run would have been stopped.</div>}
    </div>
  );
}

export const BacktestView = view<State>(Backtest, 'nn-backtest');
