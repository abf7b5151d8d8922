/** The runs that a sweep stands for, and the exact command of the chosen one. */
import React from 'react';
import { IconButton, LinkButton, TroubleMessage, useAsk } from '../kit';
import { Fix, TextField } from './sweep-fields';
import { runs, type Edit, type PreviewRow, type SweepState } from './sweep-state';

const CHARACTER = 7.3; // pixels of one in the code font at 12 px
const PROGRAM: [string, string, string][] = [
  ['run_command_prefix', 'Starts with', 'python3'],
  ['main_code_file', 'Program', 'train.py'],
  ['parameter_format', 'Arguments', '--name value for each parameter']
];

export function Preview({ state, edit }: { state: SweepState; edit: Edit }): JSX.Element {
  const [ask] = useAsk();
  const chosen = React.useRef<HTMLDivElement>(null);
  const box = React.useRef<HTMLDivElement>(null);
  const dim = state.errors > 0;
  React.useEffect(() => {
    const [row, outer] = [chosen.current, box.current];
    if (row && outer) {
      // scrollIntoView would move the panel too.
      const top = row.offsetTop - outer.offsetTop;
      if (top < outer.scrollTop + 21) {
        outer.scrollTop = top - 42;
      } else if (top + 20 > outer.scrollTop + outer.clientHeight) {
        outer.scrollTop = top + 42 - outer.clientHeight;
      }
    }
  }, [state.chosen, state.rows.length]);
  const choose = (run: number): void => {
    if (run >= 1 && run <= state.total && !state.many) {
      ask(async () => void (await edit('choose', { run })));
    }
  };
  const keys = (event: React.KeyboardEvent): void => {
    const next = { ArrowDown: state.chosen + 1, ArrowUp: state.chosen - 1, Home: 1, End: state.total }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      choose(next);
    }
  };
  const widths = state.columns.map((name, column) =>
    Math.min(14, Math.max(0.85 * name.length, ...state.rows.map(row => (row.left ? 0 : row.values[column]?.length ?? 0))))
  );
  const number = String(Math.max(10, ...state.rows.map(row => row.n ?? 0))).length;
  const columns = { gridTemplateColumns: `${number * CHARACTER + 4}px ${widths.map(width => `minmax(${Math.ceil(width * CHARACTER)}px, ${width}fr)`).join(' ')}` };
  const several = state.columns.length > 0 && state.total + state.left > 1;
  return (
    <>
      <div className="nn-sub nn-count">
        {dim ? (
          <span>Preview waits{state.waits && ` for ${state.waits}`}</span>
        ) : (
          <>
            <span aria-live="polite">{runs(state.total)}</span>
            <span className="nn-mut nn-s nn-el">{state.product}</span>
            {several && !state.many && (
              <span className="nn-row nn-right nn-turn">
                <IconButton icon="left" label="Previous run" disabled={state.chosen <= 1} onClick={() => choose(state.chosen - 1)} />
                <span className="nn-s nn-mut">
                  {state.chosen} of {state.total.toLocaleString('en')}
                </span>
                <IconButton icon="right" label="Next run" disabled={state.chosen >= state.total} onClick={() => choose(state.chosen + 1)} />
              </span>
            )}
          </>
        )}
      </div>
      {state.many && !dim && <div className="nn-s nn-mut nn-hint">Too many to list: this is the command of the first one.</div>}
      {several && !dim && !state.many && (
        <div className="nn-pv" ref={box} tabIndex={0} role="table" aria-label={`The first of ${runs(state.total)}`} onKeyDown={keys}>
          <div className="nn-tr nn-cols" style={columns} role="row">
            <span role="columnheader">#</span>
            {state.columns.map(name => (
              <span key={name} className="nn-el" role="columnheader" title={name}>
                {name}
              </span>
            ))}
          </div>
          {state.rows.map((row, index) =>
            row.left ? (
              <div key={index} className="nn-tr nn-ex" style={columns} role="row">
                <span role="cell" />
                {shared(row, state).map((value, column) => (
                  <span key={column} className="nn-el" role="cell">
                    {value}
                  </span>
                ))}
                <span className="nn-no nn-el" role="cell" style={{ gridColumn: `${shared(row, state).length + 2} / -1` }}>
                  {row.left.toLocaleString('en')} left out
                </span>
              </div>
            ) : (
              <div
                key={index}
                ref={row.n === state.chosen ? chosen : undefined}
                className={`nn-tr${row.n === state.chosen ? ' nn-on' : ''}`}
                style={columns}
                role="row"
                aria-selected={row.n === state.chosen}
                onClick={() => row.n && choose(row.n)}
              >
                <span role="cell">{row.n}</span>
                {row.values.map((value, column) => (
                  <span key={column} className="nn-el" role="cell" title={value}>
                    {value}
                  </span>
                ))}
              </div>
            )
          )}
        </div>
      )}
      {state.command.length > 0 && (
        <div className={`nn-cmd${dim ? ' nn-mut' : ''}${several && !dim && !state.many ? ' nn-joined' : ''}`} aria-label={`Command of ${state.name}`}>
          {state.command.map(([text, differs], index) => (differs ? <em key={index}>{text}</em> : text))}
        </div>
      )}
      <Program state={state} edit={edit} />
    </>
  );
}

/** What runs that are left out have in common; the last column says how many they are. */
function shared(row: PreviewRow, state: SweepState): string[] {
  return row.values.slice(0, state.columns.length - 1);
}

/** How the program is called; closed unless something is wrong there. */
function Program({ state, edit }: { state: SweepState; edit: Edit }): JSX.Element {
  const [ask, trouble, , forget] = useAsk();
  const faults = state.faults.filter(fault => PROGRAM.some(([word]) => word === fault.word) && fault.severity !== 'note');
  const [opened, setOpened] = React.useState(false);
  const open = opened || faults.some(fault => fault.severity === 'error');
  return (
    <>
      <div className="nn-links nn-s">
        <LinkButton onClick={() => setOpened(!opened)}>{open ? 'Done' : 'Change the command'}</LinkButton>
      </div>
      {open && (
        <div className="nn-f">
          {PROGRAM.map(([word, label, placeholder]) => (
            <React.Fragment key={word}>
              <label>{label}</label>
              <TextField
                label={label}
                className="nn-mono"
                value={state.words[word] ?? ''}
                placeholder={placeholder}
                revision={state.revision}
                bad={faults.some(fault => fault.word === word && fault.severity === 'error')}
                send={text => edit('word', { word, text: text || null })}
              />
            </React.Fragment>
          ))}
        </div>
      )}
      {faults.map((fault, index) => (
        <Fix key={index} bad={fault.severity === 'error'} text={fault.text} hint={fault.hint}>
          {fault.word === 'parameter_format' && fault.severity === 'warning' && (
            <LinkButton onClick={() => ask(async () => void (await edit('pass')))}>Pass it too</LinkButton>
          )}
        </Fix>
      ))}
      <TroubleMessage trouble={trouble} onClose={forget} />
    </>
  );
}
