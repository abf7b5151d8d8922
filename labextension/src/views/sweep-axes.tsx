/** The parameters of a sweep, one row each, and the rules that leave runs out. */
import React from 'react';
import { IconButton, LinkButton, Menu, TroubleMessage, useAsk, type Item } from '../kit';
import { Chips, Fix, TextField, pieces } from './sweep-fields';
import { kindOf, type Axis, type Edit, type Fault, type Kind, type Said, type SweepState } from './sweep-state';

const KINDS: [Kind, string][] = [
  ['value', 'Value'],
  ['list', 'List'],
  ['range', 'Range'],
  ['log', 'Log range']
];

interface Part {
  state: SweepState;
  edit: Edit;
}

export function Axes({ state, edit }: Part): JSX.Element {
  const [adding, setAdding] = React.useState(false);
  const [fresh, setFresh] = React.useState('');
  const [ask, trouble, , forget] = useAsk();
  const tied = (name: string): string[] => state.zips.find(group => group.includes(name)) ?? [];
  // Rows side by side that are tied stand in one bracket.
  const blocks: Axis[][] = [];
  for (const axis of state.axes) {
    const last = blocks[blocks.length - 1];
    if (last && tied(axis.name).length && tied(axis.name).includes(last[0].name)) {
      last.push(axis);
    } else {
      blocks.push([axis]);
    }
  }
  const widest = Math.max(0, ...state.axes.map(axis => axis.name.length));
  const style = { '--nn-names': `min(calc(${Math.max(5, widest)}ch + 8px), 34%)` } as React.CSSProperties;
  return (
    <div style={style}>
      <div className="nn-sub">
        Parameters
        <span className="nn-right">
          <LinkButton onClick={() => setAdding(true)}>Add</LinkButton>
        </span>
      </div>
      {blocks.map(block =>
        block.length > 1 ? (
          <div className="nn-zip" key={block[0].key} role="group" aria-label={`Vary together: ${block.map(axis => axis.name).join(', ')}`}>
            {block.map(axis => (
              <Row key={axis.key} axis={axis} state={state} edit={edit} tied={tied(axis.name)} fresh={fresh === axis.name} />
            ))}
          </div>
        ) : (
          <Row key={block[0].key} axis={block[0]} state={state} edit={edit} tied={tied(block[0].name)} fresh={fresh === block[0].name} />
        )
      )}
      {adding && (
        <NewName
          onName={name => {
            setAdding(false);
            if (name) {
              setFresh(name);
              ask(async () => void (await edit('add', { name })));
            }
          }}
        />
      )}
      <TroubleMessage trouble={trouble} onClose={forget} />
      {!state.axes.length && !adding && <div className="nn-s nn-mut nn-hint">No parameters: this is one run.</div>}
      <Repeat state={state} edit={edit} />
      <Rules state={state} edit={edit} />
    </div>
  );
}

function NewName({ onName }: { onName: (name: string) => void }): JSX.Element {
  const done = React.useRef(false);
  const end = (name: string): void => {
    if (!done.current) {
      done.current = true;
      onName(name.trim());
    }
  };
  return (
    <div className="nn-ax">
      <input
        className="nn-in nn-name"
        aria-label="Name of the new parameter"
        placeholder="name"
        autoFocus
        spellCheck={false}
        onBlur={event => end(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            end(event.currentTarget.value);
          } else if (event.key === 'Escape') {
            end('');
          }
        }}
      />
      <span className="nn-s nn-mut nn-wide">Enter, then its values</span>
    </div>
  );
}

interface RowProps extends Part {
  axis: Axis;
  tied: string[];
  fresh: boolean;
}

function Row({ axis, state, edit, tied, fresh }: RowProps): JSX.Element {
  const [ask, trouble, , forget] = useAsk();
  const [turned, setTurned] = React.useState(false);
  const kind = kindOf(axis.said);
  const faults = state.faults.filter(fault => fault.severity !== 'note' && (fault.word === 'parameters' || fault.word === 'zip') && fault.name === axis.name);
  const bad = faults.some(fault => fault.severity === 'error');
  const send = (said: Said): Promise<number> => edit('value', { key: axis.key, said });
  const go = (name: string, args: { [key: string]: string | number } = {}): void =>
    ask(async () => void (await edit(name, { key: axis.key, ...args })));
  const first = tied[0] === axis.name || !tied.length;
  const size = tied.length && !first ? 'zip' : axis.size !== null && (axis.size > 1 || kind !== 'value') ? `×${axis.size}` : '';
  const others = state.axes.filter(each => each.key !== axis.key && !tied.includes(each.name));
  const at = state.axes.findIndex(each => each.key === axis.key);
  const items: Item[] = [
    ...KINDS.map(([each, label]) => ({ label, checked: kind === each, onClick: () => go('kind', { kind: each }) })),
    ...others.filter(each => each.size !== null && each.size > 1).slice(0, 8).map(each => ({
      label: `Zip with ${each.name}`,
      icon: 'zip' as const,
      onClick: () => go('tie', { other: each.key })
    })),
    ...(tied.length ? [{ label: 'Unzip', icon: 'zip' as const, onClick: () => go('untie') }] : []),
    { label: 'Move up', onClick: () => go('move', { by: -1 }), disabled: at === 0 || axis.outer },
    { label: 'Move down', onClick: () => go('move', { by: 1 }), disabled: at === state.axes.length - 1 || axis.outer },
    { label: 'Remove', icon: 'x' as const, onClick: () => go('remove') }
  ];
  const keys = (event: React.KeyboardEvent): void => {
    if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      go('move', { by: event.key === 'ArrowUp' ? -1 : 1 });
    }
  };
  return (
    <div className="nn-ax" onKeyDown={keys} role="group" aria-label={axis.name}>
      <TextField
        className="nn-name"
        label={`Name of parameter ${axis.name}`}
        value={axis.name}
        revision={state.revision}
        whole
        send={name => edit('rename', { key: axis.key, name })}
      />
      <div className="nn-wide">
        {kind === 'value' && (
          <TextField
            label={axis.name}
            value={axis.said as string}
            revision={state.revision}
            send={send}
            bad={bad}
            fit={[5, 40]}
            intercept={text => {
              const found = pieces(text);
              if (found.length < 2) {
                return false;
              }
              setTurned(true);
              void send(found.map(each => each.trim()).filter(each => each));
              return true;
            }}
          />
        )}
        {kind === 'list' && (
          <Chips
            label={axis.name}
            values={axis.said as string[]}
            revision={state.revision}
            send={send}
            bad={bad}
            autoFocus={fresh || turned}
          />
        )}
        {(kind === 'range' || kind === 'log') && (
          <RangeFields axis={axis} kind={kind} revision={state.revision} send={send} bad={bad} />
        )}
        {(kind === 'log' || (kind === 'range' && Object.keys(axis.said).length > 2)) && axis.shown && (
          <div className="nn-s nn-mut nn-mono nn-values">{axis.shown}</div>
        )}
      </div>
      <span className="nn-x">{size}</span>
      <span className={`nn-tools${tied.length ? ' nn-tied' : ''}`}>
        <Menu
          icon={tied.length ? 'zip' : 'dots'}
          label={tied.length ? `Zipped with ${tied.filter(each => each !== axis.name).join(', ')}; more for ${axis.name}` : `More for ${axis.name}`}
          items={items}
        />
      </span>
      {faults.map((fault, index) => (
        <Fix key={index} bad={fault.severity === 'error'} text={fault.text} hint={fault.hint}>
          <Remedy fault={fault} go={go} />
        </Fix>
      ))}
      <TroubleMessage trouble={trouble} onClose={forget} />
    </div>
  );
}

function Remedy({ fault, go }: { fault: Fault; go: (name: string) => void }): JSX.Element {
  if (fault.word === 'zip') {
    return (
      <>
        Or <LinkButton onClick={() => go('untie')}>unzip</LinkButton> to try all.
      </>
    );
  }
  return (
    <>
      Or <LinkButton onClick={() => go('remove')}>remove the parameter</LinkButton>.
    </>
  );
}

interface RangeProps {
  axis: Axis;
  kind: 'range' | 'log';
  revision: number;
  send: (said: Said) => Promise<number>;
  bad: boolean;
}

function RangeFields({ axis, kind, revision, send, bad }: RangeProps): JSX.Element {
  const said = axis.said as { [field: string]: string };
  const latest = React.useRef(said);
  latest.current = said;
  const by = kind === 'log' ? 'log' : 'count' in said ? 'count' : 'step';
  const put = (field: string, text: string): Promise<number> => {
    const next = { ...latest.current, [field]: text };
    if (field === 'step' && !text) {
      delete next.step;
    }
    latest.current = next; // two fields may be sent before the state is back
    return send(next);
  };
  const field = (name: string, label: string, placeholder = ''): JSX.Element => (
    <TextField
      key={name}
      label={`${axis.name} ${label}`}
      value={said[name] ?? ''}
      revision={revision}
      bad={bad}
      fit={[2, 12]}
      placeholder={placeholder}
      send={text => put(name, text)}
    />
  );
  return (
    <div className="nn-rng">
      {field('from', 'from')}
      <span>to</span>
      {field('to', 'to')}
      <span className="nn-pair">
        <select
          className="nn-in nn-quiet nn-by"
          aria-label={`${axis.name}: step, count or log scale`}
          value={by}
          onChange={event => {
            const { from, to } = said;
            const count = String(Math.max(2, Math.min(axis.size ?? 2, 10)));
            void send({ step: { from, to }, count: { from, to, count }, log: { from, to, log: count } }[event.target.value] ?? said);
          }}
        >
          <option value="step">by</option>
          <option value="count">in</option>
          <option value="log">log in</option>
        </select>
        {field(by, by === 'step' ? 'step' : 'count', by === 'step' ? '1' : '')}
      </span>
    </div>
  );
}

function Repeat({ state, edit }: Part): JSX.Element | null {
  const [ask, trouble, , forget] = useAsk();
  const text = state.words.repeat;
  const faults = state.faults.filter(fault => fault.word === 'repeat');
  if (text === undefined) {
    return null;
  }
  return (
    <div className="nn-ax">
      <span className="nn-s nn-el" title="Each point this many times, numbered by seed">
        Repeat
      </span>
      <div className="nn-wide">
        <TextField
          label="Times that each point is run"
          value={text}
          revision={state.revision}
          fit={[3, 8]}
          bad={faults.length > 0}
          send={next => edit('word', { word: 'repeat', text: next })}
        />
        <span className="nn-s nn-mut">times</span>
      </div>
      <span className="nn-x">×{text}</span>
      <IconButton icon="x" label="Do not repeat" onClick={() => ask(async () => void (await edit('word', { word: 'repeat', text: null })))} />
      {faults.map((fault, index) => (
        <Fix key={index} bad={fault.severity === 'error'} text={fault.text} hint={fault.hint} />
      ))}
      <TroubleMessage trouble={trouble} onClose={forget} />
    </div>
  );
}

function Rules({ state, edit }: Part): JSX.Element {
  const [adding, setAdding] = React.useState(false);
  const [ask, trouble, , forget] = useAsk();
  const faults = state.faults.filter(fault => fault.word === 'exclude' || (fault.word === 'zip' && !state.axes.some(axis => axis.name === fault.name)));
  const rules = adding ? [...state.exclude, ''] : state.exclude;
  React.useEffect(() => setAdding(false), [state.exclude.length]);
  return (
    <>
      {rules.map((rule, position) => (
        <div className="nn-ax nn-rule" key={position}>
          <span className="nn-s">
            Leave out <span className="nn-mut">runs with</span>
          </span>
          <span className="nn-x">{position === 0 && state.left > 0 ? `−${state.left.toLocaleString('en')}` : ''}</span>
          <IconButton
            icon="x"
            label="Remove the rule"
            onClick={() => {
              setAdding(false);
              if (position < state.exclude.length) {
                ask(async () => void (await edit('rule', { position, text: null })));
              }
            }}
          />
          <TextField
            label="Leave out runs with"
            className="nn-whole"
            value={rule}
            revision={state.revision}
            placeholder="opt == adamw and lr >= 0.1"
            bad={faults.some(fault => fault.severity === 'error')}
            send={text => edit('rule', { position, text })}
          />
        </div>
      ))}
      {faults.map((fault, index) => (
        <Fix key={index} bad={fault.severity === 'error'} text={fault.text} hint={fault.hint} />
      ))}
      <div className="nn-links nn-s">
        {!adding && <LinkButton onClick={() => setAdding(true)}>Leave runs out</LinkButton>}
        {state.words.repeat === undefined && (
          <LinkButton onClick={() => ask(async () => void (await edit('word', { word: 'repeat', text: '3' })))}>Repeat each</LinkButton>
        )}
      </div>
      <TroubleMessage trouble={trouble} onClose={forget} />
    </>
  );
}
