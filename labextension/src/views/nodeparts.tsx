/** What the section Nodes and the first start share: slots, questions, the outcome of a test, the form for a new node. */
import React from 'react';
import type { Act } from '../base';
import { Button, Icon, LinkButton, TroubleMessage, useAsk } from '../kit';

export interface Question {
  number: number;
  node: string;
  kind: 'code' | 'host_key' | 'passphrase' | 'password';
  text: string;
  echo: boolean;
}

export interface Check {
  subject: string;
  ok: boolean | null;
  text: string;
  hint: string;
}

export interface Fact {
  label: string;
  text: string;
  used?: number;
}

export interface Wait {
  key: string;
  what: string;
  why: string;
  held: boolean;
  priority: number;
}

export interface Node {
  id: string;
  local: boolean;
  link: string;
  note: string;
  aside: string;
  slots: { ours: number; others: number; all: number } | null;
  facts: Fact[];
  reason: string;
  means: string;
  open: number;
  waits: Wait[];
  checks: Check[];
  question: Question | null;
}

const BOXES = 8; // as many fit; more slots than these are one bar

/** Boxes: ours, others', free. */
export function Slots({ ours, others, all }: { ours: number; others: number; all: number }): JSX.Element {
  const words = `${ours} of ${all} slots are yours, ${others} of others, ${all - ours - others} free`;
  if (all > BOXES) {
    return (
      <span className="nn-slots nn-many" role="img" title={words} aria-label={words}>
        <i className="nn-u" style={{ flex: ours }} />
        <i className="nn-o" style={{ flex: others }} />
        <i className="nn-free" style={{ flex: all - ours - others }} />
      </span>
    );
  }
  return (
    <span className="nn-slots" role="img" title={words} aria-label={words}>
      {Array.from({ length: all }, (_, at) => (
        <i key={at} className={at < ours ? 'nn-u' : at < ours + others ? 'nn-o' : ''} />
      ))}
    </span>
  );
}

const ASKS = {
  code: 'asks for a one-time code.',
  password: 'asks for your password.',
  passphrase: 'needs the passphrase of your key.'
};
const FIELD = { code: 'One-time code', password: 'Password', passphrase: 'Passphrase' };

/** A question of a node; it goes away in all pages when one has answered it. */
export function QuestionForm({ question, act }: { question: Question; act: Act }): JSX.Element {
  const [text, setText] = React.useState('');
  const [ask, trouble, busy, forget] = useAsk();
  const answer = (said: string | null): void => {
    setText('');
    ask(() => act('answer', { number: question.number, text: said }));
  };
  if (question.kind === 'host_key') {
    return <HostKey question={question} busy={busy} answer={answer} />;
  }
  const label = FIELD[question.kind];
  return (
    <form
      className="nn-msg nn-ask"
      role="status"
      onKeyDown={formKeys()}
      onSubmit={event => {
        event.preventDefault();
        answer(text);
      }}
    >
      <b>
        {question.node} {ASKS[question.kind]}
      </b>{' '}
      One login serves all runs until the link drops.
      <div className="nn-said">{question.text}</div>
      <div className="nn-row">
        <input
          className="nn-in nn-grow"
          type={question.echo ? 'text' : 'password'}
          value={text}
          placeholder={label}
          aria-label={`${label} of ${question.node}`}
          autoComplete="off"
          spellCheck={false}
          onChange={event => setText(event.target.value)}
        />
        <button type="submit" className="nn-btn nn-pri" disabled={!text || busy}>
          Log in
        </button>
        <LinkButton onClick={() => answer(null)}>Cancel</LinkButton>
      </div>
      <TroubleMessage trouble={trouble} onClose={forget} />
    </form>
  );
}

function HostKey({ question, busy, answer }: { question: Question; busy: boolean; answer: (said: string | null) => void }): JSX.Element {
  const key = /^(\S+ SHA256:)(\S{4})(\S+)(\S{4})$/m.exec(question.text);
  return (
    <div className="nn-msg nn-ask" role="status">
      <b>First contact: is this {question.node}?</b> Compare its key with what its administrator gave you.
      <div className="nn-cmd">
        {key ? (
          <>
            {key[1]}
            <em>{key[2]}</em>
            {key[3]}
            <em>{key[4]}</em>
          </>
        ) : (
          question.text
        )}
      </div>
      {key && <div className="nn-said">{question.text.split('\n')[0].replace(/ Its fingerprint is$/, '')}</div>}
      <div className="nn-row">
        <Button disabled={busy} onClick={() => answer('yes')}>
          Trust
        </Button>
        <LinkButton onClick={() => answer(null)}>Do not trust</LinkButton>
      </div>
    </div>
  );
}

/** What a test has found, each with the fix where something is wrong. */
export function Checks({ checks }: { checks: Check[] }): JSX.Element {
  return (
    <>
      {checks.map(one => (
        <div key={one.subject} className={`nn-fix${one.ok === false ? ' nn-bad' : ''}`}>
          {one.ok === null ? (
            <Icon name="l-off" className="nn-mut" />
          ) : (
            <Icon name={one.ok ? 's-finished' : 's-failed'} className={one.ok ? 'nn-c-finished' : 'nn-c-failed'} />
          )}
          <span>
            {one.ok === false ? <b>{sentence(one.text)}</b> : capital(one.subject === 'connection' ? one.text : `${one.subject}: ${one.text}`)}
            {one.hint && <span className="nn-hint">{capital(sentence(one.hint))}</span>}
          </span>
        </div>
      ))}
    </>
  );
}

/** Ends it with a full stop, if it has no end. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Keys of a form: Enter in a field presses its button, which a notebook's page does not do by itself; Escape leaves. */
export function formKeys(leave?: () => void): (event: React.KeyboardEvent<HTMLFormElement>) => void {
  return event => {
    if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      event.currentTarget.querySelector<HTMLButtonElement>('button[type=submit]')?.click();
    } else if (event.key === 'Escape') {
      leave?.();
    }
  };
}

interface Proposed {
  name: string;
  problem: string;
  hint: string;
  [key: string]: string;
}

/** The form for a new node: a host of ~/.ssh/config or an address, and a name. */
export function AddNode({ hosts, act, onDone }: { hosts: string[]; act: Act; onDone: (node: string | null) => void }): JSX.Element {
  const [address, setAddress] = React.useState('');
  const [name, setName] = React.useState('');
  const [proposed, setProposed] = React.useState<Proposed>({ name: '', problem: '', hint: '' });
  const [ask, trouble, busy, forget] = useAsk();
  const list = React.useId();
  const latest = React.useRef('');
  const type = (text: string): void => {
    setAddress(text);
    latest.current = text;
    act<Proposed>('propose', { address: text })
      .then(found => latest.current === text && setProposed(found))
      .catch(() => undefined);
  };
  const add = (event: React.FormEvent): void => {
    event.preventDefault();
    ask(async () => {
      const node = await act<string>('add', { address, name });
      setAddress('');
      setName('');
      setProposed({ name: '', problem: '', hint: '' });
      onDone(node);
    });
  };
  const bad = !!address && !!proposed.problem;
  return (
    <form className="nn-nodeform" aria-label="Add a node" onSubmit={add} onKeyDown={formKeys(() => onDone(null))}>
      <div className="nn-sub">Add a node</div>
      <div className="nn-f">
        <label htmlFor={`${list}-address`}>Address</label>
        <input
          id={`${list}-address`}
          className={`nn-in${bad ? ' nn-bad' : ''}`}
          list={list}
          value={address}
          placeholder="user@host"
          autoComplete="off"
          spellCheck={false}
          autoFocus
          aria-invalid={bad}
          onChange={event => type(event.target.value)}
        />
        <datalist id={list}>
          {hosts.map(host => (
            <option key={host} value={host}>
              from ~/.ssh/config
            </option>
          ))}
        </datalist>
        <label htmlFor={`${list}-name`}>Name</label>
        <input
          id={`${list}-name`}
          className="nn-in"
          value={name}
          placeholder={proposed.name || 'as you call it'}
          autoComplete="off"
          spellCheck={false}
          onChange={event => setName(event.target.value)}
        />
      </div>
      {bad && (
        <div className="nn-fix nn-bad" role="status">
          <Icon name="s-failed" />
          <span>
            <b>{sentence(proposed.problem)}</b> {capital(sentence(proposed.hint))}
          </span>
        </div>
      )}
      {hosts.length > 0 && !address && (
        <div className="nn-hosts">
          <span className="nn-mut nn-s">From ~/.ssh/config:</span>
          {hosts.slice(0, 12).map(host => (
            <button key={host} type="button" className="nn-chip" onClick={() => type(host)}>
              {host}
            </button>
          ))}
        </div>
      )}
      <TroubleMessage trouble={trouble} onClose={forget} />
      <div className="nn-row nn-ends">
        <button type="submit" className="nn-btn nn-pri" disabled={busy || !address.trim() || bad}>
          Add and test
        </button>
        <LinkButton onClick={() => onDone(null)}>Cancel</LinkButton>
      </div>
      <div className="nn-xs nn-mut nn-under">Nothing is installed there; a plain python3 is enough.</div>
    </form>
  );
}
