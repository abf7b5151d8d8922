/** The section Sweep: what shall run. */
import type { JSONObject } from '@lumino/coreutils';
import React from 'react';
import { view, type Props } from '../base';
import { Confirm, IconButton, LinkButton, Section, TroubleMessage, useAsk } from '../kit';
import { copy, openFile } from '../shell';
import { Axes } from './sweep-axes';
import { Fix } from './sweep-fields';
import { Preview } from './sweep-preview';
import { ExperimentField, FolderField, Start } from './sweep-start';
import type { SweepState } from './sweep-state';
import { Bar, RunOn } from './sweep-target';

/** Words whose problems have a field of their own. */
const SHOWN = [
  'parameters', 'zip', 'exclude', 'repeat', 'run_command_prefix', 'main_code_file', 'parameter_format',
  'gpus', 'memory', 'cpus', 'time'
]; // prettier-ignore

function Sweep({ state, act }: Props<SweepState>): JSX.Element {
  const [ask, trouble, , forget] = useAsk();
  const [asked, setAsked] = React.useState({ times: 0, revision: 0 });
  const latest = React.useRef(0);
  const [copied, setCopied] = React.useState(false);
  const [giving, setGiving] = React.useState(false);
  const place = React.useRef<HTMLDivElement>(null);
  const under = React.useRef(new Set<Promise<unknown>>()).current;
  const first = React.useRef(state.open);

  const edit = (name: string, args: JSONObject = {}): Promise<number> => {
    const answer = act<number>(name, args);
    under.add(answer);
    void answer
      .then(revision => (latest.current = Math.max(latest.current, revision)))
      .catch(() => undefined)
      .then(() => under.delete(answer));
    return answer;
  };
  /** Once all that was typed is in the kernel. */
  const settled = async (): Promise<void> => {
    (document.activeElement as HTMLElement | null)?.blur?.();
    do {
      await Promise.allSettled([...under]);
      await new Promise(resolve => window.setTimeout(resolve));
    } while (under.size);
  };
  const submit = async (again: boolean, confirmed: boolean): Promise<number> => {
    await settled();
    const answer = await act<JSONObject>('submit', { again, confirmed });
    return (answer.ask as number | undefined) ?? 0;
  };
  const keys = (event: React.KeyboardEvent): void => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      void settled().then(() => setAsked(({ times }) => ({ times: times + 1, revision: latest.current })));
    }
  };
  const showProblem = (): void => {
    const found = place.current?.querySelector<HTMLElement>('.nn-fix.nn-bad');
    found?.scrollIntoView({ block: 'center' });
    const row = found?.closest('.nn-ax, .nn-f') ?? found?.parentElement;
    row?.querySelector<HTMLElement>('.nn-wide input, .nn-whole, input.nn-bad, input')?.focus();
  };
  const line = state.experiments.find(each => each.id === state.experiment)?.line;
  const others = state.faults.filter(fault => !SHOWN.includes(fault.word) && fault.severity !== 'note');
  const actions = state.experiment && (
    <>
      <IconButton
        icon={copied ? 'tick' : 'copy'}
        label={`Copy as a line of Python: ${state.python}`}
        onClick={() => {
          copy(state.python);
          setCopied(true);
          window.setTimeout(() => setCopied(false), 1500);
        }}
      />
      <IconButton
        icon="save"
        label={state.edited ? 'Save to config.yaml' : 'Saved in config.yaml'}
        disabled={!state.edited || state.conflict}
        onClick={() =>
          ask(async () => {
            await settled();
            await act('save');
          })
        }
      />
      <IconButton icon="rerun" label="Take back what is not saved" disabled={!state.edited} on={giving || undefined} onClick={() => setGiving(!giving)} />
      <IconButton
        icon="open"
        label="Open config.yaml in a tab"
        disabled={!state.config}
        onClick={() => void openFile(state.config, line)}
      />
    </>
  );
  return (
    <Section
      id="sweep"
      title="Sweep"
      summary={state.experiment ? `${state.summary}${state.edited ? ', not saved' : ''}` : ''}
      open={state.open - first.current}
      actions={actions}
    >
      {/* In a notebook, Ctrl+Enter would run the cell that shows this. */}
      <div className="nn-builder" ref={place} onKeyDown={keys} data-lm-suppress-shortcuts="true">
        {giving && state.edited && (
          <Confirm
            question={state.new ? `Give up ${state.experiment}?` : 'Take back what is not saved?'}
            yes="Take back"
            onYes={() => {
              setGiving(false);
              ask(() => act('discard'));
            }}
            onNo={() => setGiving(false)}
          />
        )}
        <div className="nn-b nn-pad">
          <div className="nn-where">
            <FolderField state={state} act={act} />
            {state.folder && (state.experiments.length > 0 || state.new) && <ExperimentField state={state} act={act} edit={edit} />}
          </div>
          <TroubleMessage trouble={trouble} onClose={forget} />
          {others.map((fault, index) => (
            <Fix key={index} bad={fault.severity === 'error'} text={fault.text} hint={fault.hint}>
              {fault.line > 0 && state.config && (
                <LinkButton onClick={() => void openFile(state.config, fault.line)}>Open line {fault.line}</LinkButton>
              )}
            </Fix>
          ))}
          {state.experiment ? (
            <>
              <Axes state={state} edit={edit} />
              {state.inheriting.length > 0 && (
                <div className="nn-s nn-mut">{state.inheriting.join(', ')} inherit{state.inheriting.length === 1 ? 's' : ''} what you change here.</div>
              )}
              <Preview state={state} edit={edit} />
              <RunOn state={state} edit={edit} act={name => act('target', { name })} />
            </>
          ) : (
            <Start state={state} act={act} />
          )}
        </div>
        {state.experiment && <Bar state={state} submit={submit} act={name => act(name)} onShowProblem={showProblem} asked={asked} />}
      </div>
    </Section>
  );
}

export const SweepBuilderView = view<SweepState>(Sweep, 'nn-sweep');
