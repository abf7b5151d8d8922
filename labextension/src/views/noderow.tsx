/** One node: a line, and what it opens to. */
import React from 'react';
import type { Act } from '../base';
import { Button, Confirm, Icon, LinkButton, LinkIcon, Message, TroubleMessage, useAsk } from '../kit';
import { Checks, QuestionForm, formKeys, sentence, Slots, type Fact, type Node, type Wait } from './nodeparts';

const LABELS: [string, string, string][] = [
  ['ssh_address', 'Address', 'user@host'],
  ['slots', 'Slots', 'one for each core or GPU'],
  ['gpus', 'GPUs', 'all there are'],
  ['memory', 'Memory', 'all there is'],
  ['root', 'Files in', '~/.neronet'],
  ['python', 'Python', 'python3']
];

export interface RowProps {
  node: Node;
  chosen: boolean;
  isDefault: boolean;
  /** A new value opens the details and brings them into view. */
  shown: number;
  focusable: boolean;
  onFocus: () => void;
  act: Act;
}

export function NodeRow({ node, chosen, isDefault, shown, focusable, onFocus, act }: RowProps): JSX.Element {
  const [open, setOpen] = React.useState(false);
  const [doing, setDoing] = React.useState<'' | 'edit' | 'delete'>('');
  const [ask, trouble, , forget] = useAsk();
  const place = React.useRef<HTMLDivElement>(null);
  const details = React.useId();
  React.useEffect(() => {
    if (shown) {
      setOpen(true);
      place.current?.scrollIntoView({ block: 'nearest' });
      // After the details are there.
      window.setTimeout(() => place.current?.querySelector<HTMLElement>('input, .nn-name')?.focus());
    }
  }, [shown]);
  const full = open || !!node.question || node.checks.length > 0 || !!doing;
  const close = (): void => {
    setDoing('');
    place.current?.querySelector<HTMLElement>('.nn-name')?.focus();
  };
  const choose = (): void => ask(() => act('choose', { name: node.id }));
  const test = (): void => {
    setOpen(true);
    ask(() => act('test', { node: node.id }));
  };
  const target = chosen ? `New sweeps go to ${node.id}` : `Send new sweeps to ${node.id}`;
  return (
    <div ref={place} className={`nn-node${full ? ' nn-full' : ''}`} role="listitem">
      <div className={`nn-l1${chosen ? ' nn-chosen' : ''}`}>
        <LinkIcon link={node.link} />
        <button
          type="button"
          className="nn-name nn-el"
          aria-expanded={full}
          aria-controls={details}
          title={isDefault ? `${node.id}, the default node` : node.id}
          tabIndex={focusable ? 0 : -1}
          onFocus={onFocus}
          onClick={() => setOpen(!open)}
        >
          {node.id}
        </button>
        {node.note || !node.slots ? (
          <span className="nn-s nn-mut nn-el nn-note" title={node.note}>
            {node.note}
          </span>
        ) : (
          <>
            <Slots {...node.slots} />
            <span className={`nn-s nn-mut nn-el${full ? ' nn-rest' : ''}`}>
              {node.slots.ours + node.slots.others} of {node.slots.all}
              {full && <span className="nn-hide-n"> slots</span>}
            </span>
            {!full && <span className="nn-s nn-mut nn-r nn-hide-n">{node.aside}</span>}
          </>
        )}
        <span className="nn-tools">
          <button type="button" className={`nn-ib nn-pin${chosen ? ' nn-on' : ''}`} tabIndex={full ? 0 : -1} title={target} aria-label={target} aria-pressed={chosen} onClick={choose}>
            <Icon name="pin" />
          </button>
        </span>
      </div>
      {full && (
        <div id={details}>
          {doing === 'delete' && (
            <Confirm
              question={node.open ? `Delete ${node.id} and give up its ${count(node.open, 'run')}?` : `Delete ${node.id}?`}
              yes={node.open ? `Give up ${count(node.open, 'run')}` : 'Delete'}
              onYes={() => {
                setDoing('');
                ask(() => act('delete', { node: node.id, force: node.open > 0 }));
              }}
              onNo={close}
            />
          )}
          {node.question && <QuestionForm key={node.question.number} question={node.question} act={act} />}
          <TroubleMessage trouble={trouble} onClose={forget} />
          {doing === 'edit' ? (
            <EditNode node={node} act={act} onDone={close} />
          ) : (
            <>
              <Details node={node} act={act} test={test} />
              <div className="nn-d nn-row nn-acts">
                {!node.checks.length && <LinkButton onClick={test}>Test</LinkButton>}
                <LinkButton onClick={() => setDoing('edit')}>Edit</LinkButton>
                {!node.local && <LinkButton onClick={() => setDoing('delete')}>Delete</LinkButton>}
              </div>
            </>
          )}
        </div>
      )}
    </div>
  );
}

function Details({ node, act, test }: { node: Node; act: Act; test: () => void }): JSX.Element {
  const bad = node.checks.some(one => one.ok === false);
  return (
    <div className="nn-d">
      {node.checks.length > 0 ? (
        <div className="nn-checks" role="status">
          <Checks checks={node.checks} />
          {bad && <div className="nn-hint">{node.id} is kept, but nothing can run there yet.</div>}
          <div className="nn-row">
            {bad && <Button onClick={test}>Test again</Button>}
            <LinkButton onClick={() => void act('read', { node: node.id })}>Close</LinkButton>
          </div>
        </div>
      ) : (
        node.link === 'unreachable' &&
        !node.question && (
          <div>
            <b>{sentence(node.reason || `no answer from ${node.id}`)}</b> {node.means}{' '}
            <LinkButton onClick={test}>Try now</LinkButton>
          </div>
        )
      )}
      {node.link === 'connecting' && !node.question && <div className="nn-mut">Contacting it.</div>}
      {node.waits.map(wait => (
        <WaitLine key={wait.key} wait={wait} node={node.id} act={act} />
      ))}
      {!node.checks.length && <Facts facts={node.facts} />}
    </div>
  );
}

function Facts({ facts }: { facts: Fact[] }): JSX.Element {
  return (
    <div className="nn-facts">
      {facts.map(fact => (
        <React.Fragment key={fact.label}>
          <span className="nn-mut">{fact.label}</span>
          <span className="nn-el" title={fact.text}>
            {fact.text}
            {fact.used !== undefined && (
              <span className={`nn-meter${fact.used > 0.9 ? ' nn-hot' : ''}`}>
                <i style={{ width: `${Math.round(fact.used * 100)}%` }} />
              </span>
            )}
          </span>
        </React.Fragment>
      ))}
    </div>
  );
}

/** What waits for the node, why, and what can be done about it. */
function WaitLine({ wait, node, act }: { wait: Wait; node: string; act: Act }): JSX.Element {
  const [ask, trouble, busy, forget] = useAsk();
  const [notes, setNotes] = React.useState<string[]>([]);
  const [priority, setPriority] = React.useState(String(wait.priority));
  React.useEffect(() => setPriority(String(wait.priority)), [wait.priority]);
  const tell = (name: string, args: { priority?: number } = {}): void =>
    ask(async () => setNotes(await act<string[]>(name, { node, key: wait.key, ...args })));
  const number = Math.round(Number(priority));
  return (
    <div className="nn-wait">
      <div>
        <Icon name={wait.held ? 'l-off' : 's-queued'} className="nn-mut" /> <b>{wait.what}</b>: {wait.why}.
      </div>
      <div className="nn-row">
        <Button disabled={busy} onClick={() => tell(wait.held ? 'release' : 'hold')}>
          {wait.held ? 'Release' : 'Hold'}
        </Button>
        <label className="nn-row nn-mut">
          priority
          <input
            className="nn-in nn-prio"
            type="number"
            value={priority}
            title="Higher ones begin first"
            onChange={event => setPriority(event.target.value)}
            onBlur={() => setPriority(String(wait.priority))}
            onKeyDown={event => event.key === 'Enter' && Number.isFinite(number) && priority && tell('priority', { priority: number })}
          />
        </label>
      </div>
      {notes.map(note => (
        <div key={note} className="nn-mut">
          {sentence(note)}
        </div>
      ))}
      <TroubleMessage trouble={trouble} onClose={forget} />
    </div>
  );
}

type Fields = Record<string, string>;

function EditNode({ node, act, onDone }: { node: Node; act: Act; onDone: () => void }): JSX.Element {
  const [before, setBefore] = React.useState<Fields | null>(null);
  const [fields, setFields] = React.useState<Fields>({});
  const [ask, trouble, busy, forget] = useAsk();
  const id = React.useId();
  React.useEffect(() => {
    ask(async () => {
      const found = await act<Fields>('fields', { node: node.id });
      setBefore(found);
      setFields(found);
    });
  }, [node.id]);
  const save = (event: React.FormEvent): void => {
    event.preventDefault();
    const changed = Object.fromEntries(Object.entries(fields).filter(([name, text]) => text !== before?.[name]));
    ask(async () => {
      await act('edit', { node: node.id, fields: changed });
      onDone();
    });
  };
  return (
    <form className="nn-nodeform" aria-label={`Edit ${node.id}`} onSubmit={save} onKeyDown={formKeys(onDone)}>
      {before && (
        <div className="nn-f">
          {LABELS.filter(([name]) => !(node.local && name === 'ssh_address')).map(([name, label, placeholder], at) => (
            <React.Fragment key={name}>
              <label htmlFor={`${id}-${name}`}>{label}</label>
              <input
                id={`${id}-${name}`}
                className="nn-in"
                value={fields[name] ?? ''}
                placeholder={placeholder}
                autoComplete="off"
                spellCheck={false}
                autoFocus={at === 0}
                onChange={event => setFields({ ...fields, [name]: event.target.value })}
              />
            </React.Fragment>
          ))}
        </div>
      )}
      <TroubleMessage trouble={trouble} onClose={forget} />
      <div className="nn-row nn-ends">
        <button type="submit" className="nn-btn nn-pri" disabled={busy || !before}>
          Save and test
        </button>
        <LinkButton onClick={onDone}>Cancel</LinkButton>
      </div>
    </form>
  );
}

/** A group of nodes, which sweeps may go to as well. */
export function GroupRow({ id, members, chosen, act }: { id: string; members: string[]; chosen: boolean; act: Act }): JSX.Element {
  const [ask, trouble, , forget] = useAsk();
  const target = chosen ? `New sweeps go to ${id}` : `Send new sweeps to ${id}`;
  return (
    <div className="nn-node" role="listitem">
      <div className={`nn-l1${chosen ? ' nn-chosen' : ''}`}>
        <span className="nn-state" title="a group of nodes" role="img" aria-label="group">
          <Icon name="group" className="nn-mut" />
        </span>
        <button type="button" className="nn-name nn-el" aria-pressed={chosen} title={target} onClick={() => ask(() => act('choose', { name: id }))}>
          {id}
        </button>
        <span className="nn-s nn-mut nn-el nn-note" title={members.join(', ')}>
          {members.join(', ')}
        </span>
        <span className="nn-tools">
          <span className={`nn-ib nn-pin${chosen ? ' nn-on' : ''}`} aria-hidden="true">
            <Icon name="pin" />
          </span>
        </span>
      </div>
      {trouble && (
        <Message kind="bad" text={trouble.text}>
          <LinkButton onClick={forget}>Dismiss</LinkButton>
        </Message>
      )}
    </div>
  );
}

export function count(number: number, word: string): string {
  return `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`;
}

