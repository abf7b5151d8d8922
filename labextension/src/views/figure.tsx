/** The figure of a metric over runs: its controls, the bqplot figure below them, and what the pointer tells. */
import type { DOMWidgetModel, DOMWidgetView, WidgetModel } from '@jupyter-widgets/base';
import { Widget } from '@lumino/widgets';
import React from 'react';
import { view, type Act, type Props } from '../base';
import { LinkButton, Menu, TroubleMessage, useAsk } from '../kit';
import { hits, Over, Tip, type Area, type Hit, type Marks, type Pointer, type Shown } from './figure_over';
import { Choice, named, Segments } from './figure_controls';
import { save } from './figure_save';
import type { Span } from './figure_geometry';

interface State extends Shown {
  figure: string;
  metrics: string[];
  by: string;
  parameters: string[];
  show: string;
  selected: number[];
  log: boolean;
  logX: boolean;
  smooth: number;
  height: number;
  zoomed: boolean;
  runs: number;
  open: number;
  note: string;
  meaning: string;
}

interface BqplotFigure extends DOMWidgetView {
  plotareaWidth: number;
  plotareaHeight: number;
  margin: { left: number; top: number; right: number; bottom: number };
}

/** The bqplot figure as the page has it. */
interface Drawn {
  view: BqplotFigure;
  marks: Marks;
  axes: WidgetModel[];
}

const VIEWS = new WeakMap<Element, DOMWidgetView>();
const REPORT = 120; // milliseconds between two reports of the zoomed window
const SMOOTHINGS = [0, 0.6, 0.8, 0.9, 0.95, 0.99];
const SHOWN: [string, string][] = [
  ['band', 'as a band'],
  ['runs', 'as lines'],
  ['selected', 'only selected']
];

function RunFigure({ state, act, page }: Props<State>): JSX.Element {
  const root = React.useRef<HTMLDivElement>(null);
  const holder = React.useRef<HTMLDivElement>(null);
  const drawn = useFigure(root, holder, state.figure);
  const [ask, trouble, , forget] = useAsk();
  const [at, setAt] = React.useState<Pointer | null>(null);
  const [held, setHeld] = React.useState<string | null>(null);
  const area = drawn && areaOf(drawn);
  const near: Hit[] = area && at ? hits(state, drawn.marks, area, at) : [];
  const strong = held ?? (near.length && near[0].far < 30 ? near[0].key : null);
  useHighlight(drawn, state, strong);
  useSize(holder, drawn !== null, act, page);
  useZoom(holder, drawn, act);
  const set = (name: string, value: string | boolean | number | number[] | null): void => ask(() => act(name, { value }));
  const point = (event: React.PointerEvent): void => {
    if (!area || !holder.current) {
      return;
    }
    const box = holder.current.getBoundingClientRect();
    const found = { x: event.clientX - box.left - area.left, y: event.clientY - box.top - area.top };
    const inside = found.x >= 0 && found.x <= area.x.size && found.y >= 0 && found.y <= area.y.size;
    setAt(inside && !event.buttons ? found : null);
  };
  const pick = (run: number): void => {
    const others = state.selected.filter(number => number !== run);
    set('selected', others.length < state.selected.length ? others : [...others, run]);
  };
  const keyed = (event: React.KeyboardEvent): void => {
    const step = { ArrowLeft: -8, ArrowRight: 8 }[event.key];
    if (step && area) {
      const x = Math.max(0, Math.min(area.x.size, (at?.x ?? area.x.size / 2) + step));
      setAt({ x, y: at?.y ?? area.y.size / 2 });
    } else if (event.key === '0' && state.zoomed) {
      ask(() => act('reset'));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="nn-figure-in" ref={root}>
      <Head state={state} set={set} onReset={() => ask(() => act('reset'))} onSave={kind => ask(() => save(holder.current as HTMLElement, state.metric || 'figure', kind))} />
      <TroubleMessage trouble={trouble} onClose={forget} />
      <div
        className="nn-fig-holder"
        style={{ height: state.height }}
        ref={holder}
        tabIndex={0}
        role="group"
        aria-label={`Figure of ${state.metric}. Left and right read its values, 0 shows all.`}
        title={state.zoomed ? 'Double click shows all again' : undefined}
        onPointerMove={point}
        onPointerLeave={() => setAt(null)}
        onBlur={() => setAt(null)}
        onDoubleClick={() => ask(() => act('reset'))}
        onClick={() => strong?.startsWith('#') && pick(Number(strong.slice(1)))}
        onKeyDown={keyed}
      >
        {area && <Over state={state} marks={drawn.marks} area={area} at={at} near={near} onHover={setHeld} onPick={pick} />}
        {area && at && near.length > 0 && <Tip state={state} area={area} at={at} near={near} />}
        {state.note && <div className="nn-fig-note nn-s nn-mut">{state.note}</div>}
      </div>
    </div>
  );
}

interface HeadProps {
  state: State;
  set: (name: string, value: string | boolean | number | null) => void;
  onReset: () => void;
  onSave: (kind: 'png' | 'svg') => void;
}

function Head({ state, set, onReset, onSave }: HeadProps): JSX.Element {
  const others = state.metrics.filter(name => name !== state.metric);
  const scale = state.log ? (state.logX ? 'log-log' : 'log') : state.logX ? 'log x' : 'linear';
  return (
    <div className="nn-fig-head" role="toolbar" aria-label="figure">
      <Choice label="metric" value={state.metric} strong values={named(state.metrics)} onChange={value => set('metric', value)} />
      <span className="nn-mut nn-fig-wide">by</span>
      <Choice
        label="x axis"
        value={state.x}
        values={named(['index', 'time', ...others])}
        onChange={value => set('x', value)}
      />
      {state.runs > 5 && !state.by && (
        <Choice label="how many runs are shown" value={state.show} values={SHOWN} onChange={value => set('show', value)} />
      )}
      {state.parameters.length > 0 && (
        <Choice
          label="a band for each"
          value={state.by}
          values={[['', 'each run'], ...state.parameters.map(name => [name, `per ${name}`] as [string, string])]}
          onChange={value => set('by', value)}
        />
      )}
      <span className="nn-grow nn-xs nn-mut nn-r nn-el nn-fig-wide">{state.meaning}</span>
      {state.zoomed && <LinkButton onClick={onReset}>Show all</LinkButton>}
      <Segments
        label="scale"
        value={scale}
        values={['linear', 'log', 'log-log']}
        wide="log-log"
        onChange={name => {
          set('log', name !== 'linear');
          set('log_x', name === 'log-log');
        }}
      />
      <Choice
        label="smoothing"
        value={String(state.smooth)}
        values={[...new Set([...SMOOTHINGS, state.smooth])].sort().map(one => [String(one), one ? `smooth ${one}` : 'smooth off'])}
        onChange={value => set('smooth', Number(value))}
      />
      <Menu
        icon="save"
        label="Save"
        items={[
          { label: 'Save as PNG', onClick: () => onSave('png') },
          { label: 'Save as SVG', onClick: () => onSave('svg') }
        ]}
      />
    </div>
  );
}

/** Puts the bqplot figure into the holder; what it draws with, anew after each change of it. */
function useFigure(root: React.RefObject<HTMLElement>, holder: React.RefObject<HTMLElement>, id: string): Drawn | null {
  const [drawn, setDrawn] = React.useState<Drawn | null>(null);
  React.useEffect(() => {
    const part = root.current?.closest('.nn-figure');
    const parent = part && VIEWS.get(part);
    let gone = false;
    let made: BqplotFigure | null = null;
    let frame = 0;
    let heard: WidgetModel[] = [];
    const soon = (): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(refresh);
    };
    const refresh = (): void => {
      if (gone || !made) {
        return;
      }
      const axes = made.model.get('axes') as WidgetModel[];
      const marks = made.model.get('marks') as WidgetModel[];
      heard.forEach(model => model.off('change', soon));
      heard = [...axes.map(axis => axis.get('scale') as WidgetModel), ...marks];
      heard.forEach(model => model.on('change', soon));
      setDrawn({ view: made, axes, marks: new Map(marks.map(mark => [mark.model_id, mark])) });
    };
    const mount = async (): Promise<void> => {
      if (!parent) {
        return;
      }
      await parent.displayed;
      const model = (await parent.model.widget_manager.get_model(id)) as DOMWidgetModel;
      const child = await parent.create_child_view<DOMWidgetView>(model);
      if (gone || !holder.current) {
        child.luminoWidget.dispose();
        return;
      }
      made = child as BqplotFigure;
      Widget.attach(made.luminoWidget, holder.current, holder.current.firstElementChild as HTMLElement | null);
      made.on('margin_updated', soon);
      made.model.on('change', soon);
      soon();
    };
    mount().catch((error: unknown) => console.error('Neronet: the figure cannot be shown:', error));
    return () => {
      gone = true;
      cancelAnimationFrame(frame);
      heard.forEach(model => model.off('change', soon));
      made?.model.off('change', soon);
      if (made && !made.luminoWidget.node.isConnected) {
        made.luminoWidget.clearFlag(Widget.Flag.IsAttached); // a cell that is run again took it out of the page
      }
      made?.luminoWidget.dispose();
    };
  }, [id]);
  return drawn;
}

function areaOf({ view: figure, axes }: Drawn): Area | null {
  const { left, top, right, bottom } = figure.margin;
  const span = (axis: WidgetModel | undefined, size: number): Span | null => {
    const scale = axis?.get('scale') as WidgetModel | undefined;
    const low = scale?.get('min') as number | null | undefined;
    const high = scale?.get('max') as number | null | undefined;
    if (scale === undefined || typeof low !== 'number' || typeof high !== 'number' || !(size > 1)) {
      return null;
    }
    return { low, high, log: scale.get('_model_name') === 'LogScaleModel', size };
  };
  const x = span(axes[0], figure.plotareaWidth);
  const y = span(axes[1], figure.plotareaHeight);
  return x && y && { left, top, right, bottom, x, y };
}

/** All lines but the one that the pointer is at step back; only on this page. */
function useHighlight(drawn: Drawn | null, state: State, strong: string | null): void {
  React.useEffect(() => {
    const keys = [...state.lines, ...state.bands].map(one => one.mark);
    for (const key of keys) {
      const opacity = strong === null || strong === key || !keys.includes(strong) ? 1 : 0.35;
      const model = drawn?.marks.get(key);
      if (model && (model.get('opacities') as number[])[0] !== opacity) {
        model.set('opacities', [opacity]);
      }
    }
  }, [strong, drawn !== null]);
}

/** Tells the kernel how much room there is, once the figure is there: from then on it misses nothing of it. */
function useSize(holder: React.RefObject<HTMLElement>, there: boolean, act: Act, page: string): void {
  React.useEffect(() => {
    if (!there || !holder.current) {
      return;
    }
    let timer = 0;
    const watcher = new ResizeObserver(entries => {
      const { width, height } = entries[entries.length - 1].contentRect;
      window.clearTimeout(timer);
      if (width > 1 && height > 1) {
        // A page whose kernel is gone keeps the size that it has.
        timer = window.setTimeout(() => void act('size', { page, width, height }).catch(() => undefined), 100);
      }
    });
    watcher.observe(holder.current);
    return () => {
      watcher.disconnect();
      window.clearTimeout(timer);
    };
  }, [there]);
}

/** Tells the kernel where the user zoomed to; the wheel scrolls the page until the figure is clicked. */
function useZoom(holder: React.RefObject<HTMLElement>, drawn: Drawn | null, act: Act): void {
  const latest = React.useRef(drawn);
  latest.current = drawn;
  React.useEffect(() => {
    const element = holder.current;
    if (!element) {
      return;
    }
    let timer = 0;
    const report = (): void => {
      timer = 0;
      const area = latest.current && areaOf(latest.current);
      if (area) {
        void act('window', { value: [area.x.low, area.x.high, area.y.low, area.y.high] }).catch(() => undefined);
      }
    };
    const moved = (): void => {
      timer = timer || window.setTimeout(report, REPORT);
    };
    let armed = false;
    const wheel = (event: WheelEvent): void => {
      if (event.ctrlKey || event.metaKey || armed) {
        moved();
      } else {
        event.stopPropagation();
      }
    };
    const move = (event: PointerEvent): void => {
      if (event.buttons) {
        moved();
      }
    };
    const press = (): void => {
      armed = true;
      element.focus({ preventScroll: true });
    };
    const leave = (): void => {
      armed = false;
    };
    element.addEventListener('wheel', wheel, true);
    element.addEventListener('pointermove', move, true);
    element.addEventListener('pointerdown', press, true);
    element.addEventListener('pointerleave', leave);
    return () => {
      window.clearTimeout(timer);
      element.removeEventListener('wheel', wheel, true);
      element.removeEventListener('pointermove', move, true);
      element.removeEventListener('pointerdown', press, true);
      element.removeEventListener('pointerleave', leave);
    };
  }, []);
}

const Base = view<State>(RunFigure, 'nn-figure');

export class FigureView extends Base {
  render(): void {
    VIEWS.set(this.el, this);
    super.render();
  }
}
