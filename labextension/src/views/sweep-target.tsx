/** Where a sweep goes, and the bar that says what will happen and does it. */
import React from 'react';
import { Button, Confirm, IconButton, LinkButton, Message, TroubleMessage, useAsk } from '../kit';
import { Fix, TextField } from './sweep-fields';
import { runs, type Edit, type SweepState, type Target } from './sweep-state';

const RESOURCES: [string, string, string][] = [
  ['gpus', 'GPUs', 'one where there are GPUs'],
  ['memory', 'Memory', 'not limited'],
  ['cpus', 'Cores', 'not limited'],
  ['time', 'Time', 'not limited, or 2 h']
];

interface Part {
  state: SweepState;
  edit: Edit;
}

export function RunOn({ state, edit, act }: Part & { act: (name: string) => Promise<void> }): JSX.Element {
  const [ask, trouble, , forget] = useAsk();
  const [opened, setOpened] = React.useState(false);
  const faults = state.faults.filter(fault => RESOURCES.some(([word]) => word === fault.word) && fault.severity !== 'note');
  const place = React.useRef<HTMLDivElement>(null);
  const { targets } = state;
  const keys = (event: React.KeyboardEvent): void => {
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const now = targets.findIndex(target => target.id === state.target);
    if (by && targets.length) {
      event.preventDefault();
      const next = targets[(now + by + targets.length) % targets.length];
      ask(() => act(next.id));
      place.current?.querySelector<HTMLElement>(`[data-target="${CSS.escape(next.id)}"]`)?.focus();
    }
  };
  const open = opened || faults.length > 0;
  return (
    <>
      <div className="nn-sub">
        Run on
        <span className="nn-mut nn-s nn-right">
          {state.resources} <LinkButton onClick={() => setOpened(!opened)}>{open ? 'done' : state.resources ? 'change' : 'resources'}</LinkButton>
        </span>
      </div>
      {open && (
        <div className="nn-f nn-res">
          {RESOURCES.map(([word, label, placeholder]) => (
            <React.Fragment key={word}>
              <label>{label}</label>
              <TextField
                label={`${label} for each run`}
                value={state.words[word] ?? ''}
                placeholder={placeholder}
                revision={state.revision}
                bad={faults.some(fault => fault.word === word)}
                send={text => edit('word', { word, text: text || null })}
              />
            </React.Fragment>
          ))}
          {faults.map((fault, index) => (
            <Fix key={index} bad={fault.severity === 'error'} text={fault.text} hint={fault.hint} />
          ))}
        </div>
      )}
      <div role="radiogroup" aria-label="Run on" ref={place} onKeyDown={keys} className="nn-tgts">
        {targets.map(target => (
          <Choice
            key={target.id}
            target={target}
            on={target.id === state.target}
            reachable={target.id === state.target || (!targets.some(each => each.id === state.target) && target === targets[0])}
            onChoose={() => ask(() => act(target.id))}
          />
        ))}
      </div>
      <TroubleMessage trouble={trouble} onClose={forget} />
    </>
  );
}

function Choice({ target, on, reachable, onChoose }: { target: Target; on: boolean; reachable: boolean; onChoose: () => void }): JSX.Element {
  return (
    <button
      type="button"
      className={`nn-tgt${on ? ' nn-on' : ''}`}
      role="radio"
      aria-checked={on}
      tabIndex={reachable ? 0 : -1}
      data-target={target.id}
      onClick={onChoose}
    >
      <span className={`nn-radio${on ? ' nn-on' : ''}`} />
      <span className="nn-el" title={target.id}>
        {target.id}
      </span>
      {target.boxes && (
        <span className="nn-slots" title={`${target.used} of ${target.slots} slots are used`}>
          {Array.from({ length: target.slots }, (_, index) => (
            <i key={index} className={index < target.used ? 'nn-o' : ''} />
          ))}
        </span>
      )}
      <span className="nn-el nn-more-of" title={target.more}>
        {target.free} <span className="nn-mut">{target.more}</span>
      </span>
    </button>
  );
}

interface BarProps {
  state: SweepState;
  submit: (again: boolean, confirmed: boolean) => Promise<number>;
  act: (name: string) => Promise<void>;
  onShowProblem: () => void;
  /** Counts up when Ctrl+Enter asked for it; the revision has all that was typed by then. */
  asked: { times: number; revision: number };
}

export function Bar({ state, submit, act, onShowProblem, asked }: BarProps): JSX.Element {
  const [ask, trouble, waits, forget] = useAsk();
  const [many, setMany] = React.useState<{ count: number; again: boolean } | null>(null);
  const done = React.useRef(asked.times);
  const problems = state.errors + (state.errors ? 0 : state.blocked.length);
  const ready = !problems && state.total > 0 && !state.busy && !waits && !state.conflict;
  const all = state.before > 0 && state.before === state.total;
  const go = (again: boolean, confirmed = false): void => {
    setMany(null);
    ask(async () => {
      const count = await submit(again, confirmed);
      if (count) {
        setMany({ count, again });
      }
    });
  };
  React.useEffect(() => {
    if (asked.times > done.current && state.revision >= asked.revision) {
      done.current = asked.times;
      if (ready && !all) {
        go(false);
      }
    }
  }, [asked, state.revision]);
  const fresh = state.total - state.before;
  const label = all
    ? 'Run them again'
    : `${state.edited ? 'Save and submit' : 'Submit'} ${state.before ? `${fresh.toLocaleString('en')} new run${fresh === 1 ? '' : 's'}` : runs(state.total)}`;
  return (
    <div className="nn-sbar">
      {state.conflict && (
        <Message kind="ask" text={<><b>config.yaml has changed</b> since you began to edit it here.</>}>
          <Button onClick={() => ask(() => act('keep'))}>Keep mine</Button>
          <Button onClick={() => ask(() => act('take'))}>Take the file’s</Button>
        </Message>
      )}
      <Result state={state} act={act} again={() => go(true)} />
      {problems ? (
        <>
          <div className="nn-s">
            <b>Nothing is sent yet.</b> <span className="nn-mut">Your values are kept as a draft.</span>
          </div>
          {!state.errors && state.blocked.map((each, index) => <Fix key={index} bad text={each.text} hint={each.hint} />)}
        </>
      ) : (
        <div className="nn-s">
          {all ? (
            <b>{state.total === 1 ? 'It was run before.' : `All ${state.total.toLocaleString('en')} were run before.`}</b>
          ) : (
            state.starts && (
              <>
                <b>{state.starts}</b> {state.then} {state.lasts}
              </>
            )
          )}
          {state.sends && <div className="nn-mut">{state.sends}</div>}
          {state.notes.map(note => (
            <div key={note} className="nn-mut">
              {note}
            </div>
          ))}
        </div>
      )}
      <TroubleMessage trouble={trouble} onClose={forget} />
      {many && (
        <Confirm
          question={`These are ${runs(many.count)}.`}
          yes={`Submit ${many.count.toLocaleString('en')}`}
          no="Not yet"
          onYes={() => go(many.again, true)}
          onNo={() => setMany(null)}
        />
      )}
      <div className="nn-row">
        {problems ? (
          <>
            <Button disabled onClick={() => undefined}>
              Fix {problems} problem{problems > 1 ? 's' : ''} to submit
            </Button>
            {state.errors > 0 && <Button onClick={onShowProblem}>Show it</Button>}
          </>
        ) : (
          <Button kind="primary" disabled={!ready} title="Ctrl+Enter" onClick={() => go(all)}>
            {state.busy || (waits ? 'Submitting' : label)}
          </Button>
        )}
        {!all && !problems && state.before > 0 && !state.busy && (
          <Button onClick={() => go(true)} title="Also those that were run before">
            All {state.total.toLocaleString('en')}
          </Button>
        )}
      </div>
    </div>
  );
}

function Result({ state, act, again }: { state: SweepState; act: (name: string) => Promise<void>; again: () => void }): JSX.Element | null {
  const { text, notes = [], again: offers } = state.result;
  if (!text && !notes.length) {
    return null;
  }
  return (
    <div className="nn-msg nn-info nn-closable" role="status">
      <span>
        {text && <b>{text}</b>}
        {notes.map(note => (
          <div key={note}>{note}.</div>
        ))}
        {offers && <LinkButton onClick={again}>Run them again</LinkButton>}
      </span>
      <IconButton icon="x" label="Dismiss" onClick={() => void act('dismiss')} />
    </div>
  );
}
