/** The first start: where it runs, what runs, what comes of it. */
import React from 'react';
import type { Act } from '../base';
import { Button, Icon, LinkButton, LinkIcon, TroubleMessage, useAsk } from '../kit';
import { Checks, QuestionForm, capital, formKeys, sentence, type Node } from './nodeparts';
import { count } from './noderow';

export interface Beginning {
  nodes: Node[];
  hosts: string[];
}

interface Found {
  parameters: [string, string][];
  problem: string;
  hint: string;
}

const HOSTS = 6; // hosts that are listed; the others are offered while an address is typed

export function Start({ start, act }: { start: Beginning; act: Act }): JSX.Element {
  return (
    <div className="nn-start">
      <div className="nn-lead">
        <h3>Many runs, on your machines</h3>
        <p>
          Name the values to try and the machines to use. Neronet starts the runs over SSH and draws what they print, live. Close
          the laptop when you like: nothing is lost.
        </p>
      </div>
      <Step number={1} title="Choose where it runs">
        <Where start={start} act={act} />
      </Step>
      <Step number={2} title="Say what to run">
        <What act={act} />
      </Step>
      <Step number={3} title="Watch, compare, decide" later>
        <p>Print a name and a number, in any language:</p>
        <div className="nn-cmd">val_error 12.4</div>
        <p>It becomes a curve and a column.</p>
      </Step>
      <Example act={act} />
    </div>
  );
}

function Step({ number, title, later, children }: { number: number; title: string; later?: boolean; children: React.ReactNode }): JSX.Element {
  return (
    <section className={`nn-step${later ? ' nn-later' : ''}`} aria-label={`Step ${number}: ${title}`}>
      <span className="nn-no" aria-hidden="true">
        {number}
      </span>
      <div>
        <h4>{title}</h4>
        {children}
      </div>
    </section>
  );
}

function Where({ start, act }: { start: Beginning; act: Act }): JSX.Element {
  const [address, setAddress] = React.useState('');
  const [ask, trouble, busy, forget] = useAsk();
  const list = React.useId();
  const add = (what: string): void =>
    ask(async () => {
      await act('add', { address: what });
      setAddress('');
    });
  const some = start.hosts.length > 0;
  return (
    <>
      <p>
        {some ? (
          <>
            These are in your <code>~/.ssh/config</code>. Nothing
          </>
        ) : (
          'This computer will do to begin with. On machines that you reach by SSH nothing'
        )}{' '}
        gets installed; a plain <code>python3</code> is enough.
      </p>
      {start.nodes.map(node => (
        <StartNode key={node.id} node={node} act={act} />
      ))}
      {start.hosts.slice(0, HOSTS).map(host => (
        <div key={host} className="nn-hostrow">
          <Icon name="node" className="nn-mut" />
          <span className="nn-grow nn-el" title={host}>
            {host}
          </span>
          <button type="button" className="nn-btn" disabled={busy} aria-label={`Add ${host}`} onClick={() => add(host)}>
            Add
          </button>
        </div>
      ))}
      <form
        className="nn-row nn-address"
        onKeyDown={formKeys()}
        onSubmit={event => {
          event.preventDefault();
          add(address);
        }}
      >
        <input
          className="nn-in nn-grow"
          value={address}
          placeholder="user@host"
          aria-label="Address of a machine"
          list={list}
          autoComplete="off"
          spellCheck={false}
          onChange={event => setAddress(event.target.value)}
        />
        <datalist id={list}>
          {start.hosts.map(host => (
            <option key={host} value={host} />
          ))}
        </datalist>
        <button type="submit" className="nn-btn" disabled={busy || !address.trim()}>
          Add
        </button>
      </form>
      <TroubleMessage trouble={trouble} onClose={forget} />
    </>
  );
}

function StartNode({ node, act }: { node: Node; act: Act }): JSX.Element {
  const bad = node.checks.filter(one => one.ok === false);
  const words = node.note || (node.slots ? `${count(node.slots.all, 'slot')}, ${node.link}` : node.link);
  return (
    <>
      <div className="nn-hostrow">
        <LinkIcon link={node.link} />
        <span className="nn-el">{node.local ? 'this computer' : node.id}</span>
        <span className="nn-grow nn-mut nn-el nn-r" title={words}>
          {words}
        </span>
      </div>
      {node.question && <QuestionForm key={node.question.number} question={node.question} act={act} />}
      {bad.length > 0 && (
        <div className="nn-checks" role="status">
          <Checks checks={bad} />
          <div className="nn-s">
            <span className="nn-mut">{node.id} is kept meanwhile.</span>{' '}
            <LinkButton onClick={() => void act('test', { node: node.id })}>Test again</LinkButton>
          </div>
        </div>
      )}
    </>
  );
}

function What({ act }: { act: Act }): JSX.Element {
  const [text, setText] = React.useState('');
  const [found, setFound] = React.useState<Found>({ parameters: [], problem: '', hint: '' });
  const [ask, trouble, busy, forget] = useAsk();
  const latest = React.useRef('');
  const type = (now: string): void => {
    setText(now);
    latest.current = now;
    act<{ parameters: [string, string][]; problem: string; hint: string }>('found', { text: now })
      .then(result => latest.current === now && setFound(result))
      .catch(() => undefined);
  };
  const choose = (): void => ask(() => act('command', { text }));
  return (
    <>
      <p>Type the command as in a terminal. Its options become parameters that you can vary.</p>
      <textarea
        className="nn-in nn-mono"
        rows={2}
        value={text}
        placeholder="python3 train.py --lr 0.1"
        aria-label="Command"
        spellCheck={false}
        autoCapitalize="off"
        onChange={event => type(event.target.value)}
        onKeyDown={event => {
          if (event.key === 'Enter' && !event.shiftKey) {
            event.preventDefault();
            choose();
          }
        }}
      />
      {found.parameters.length > 0 && (
        <div className="nn-found nn-s" role="status">
          <span className="nn-mut">Found</span>
          {found.parameters.map(([name, value]) => (
            <span key={name} className="nn-chip" title={`${name} ${value}`}>
              {name} {value}
            </span>
          ))}
        </div>
      )}
      {text && found.problem && (
        <div className="nn-fix nn-ask" role="status">
          <Icon name="l-ask" />
          <span>
            {capital(sentence(found.problem))} {found.hint && capital(sentence(found.hint))}
          </span>
        </div>
      )}
      <TroubleMessage trouble={trouble} onClose={forget} />
      <div className="nn-row nn-ends">
        <Button kind="primary" disabled={busy || !text.trim() || !!found.problem} onClick={choose}>
          Choose values
        </Button>
        <Button icon="folder" disabled={busy} onClick={() => ask(() => act('sweep'))}>
          Folder
        </Button>
      </div>
    </>
  );
}

function Example({ act }: { act: Act }): JSX.Element {
  const [ask, trouble, busy, forget] = useAsk();
  return (
    <div className="nn-step nn-last">
      <div>
        <button type="button" className="nn-btn nn-try" disabled={busy} onClick={() => ask(async () => void (await act<number>('example')))}>
          <Icon name="s-running" className="nn-c-running" />
          {busy ? 'Submitting' : 'Try the example'}
        </button>
        <div className="nn-xs nn-mut">12 short runs on this computer, under a minute</div>
        <TroubleMessage trouble={trouble} onClose={forget} />
      </div>
    </div>
  );
}
