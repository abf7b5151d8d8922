/** What the section Experiments is made of. */
import React from 'react';
import type { Act } from '../base';
import { Button, IconButton, LinkButton, TroubleMessage, useAsk } from '../kit';
import { computerPath, openFile, serverRoot } from '../shell';
import { capital, formKeys, sentence } from './nodeparts';
import { count } from './noderow';

export interface Broken {
  folder: string;
  file: string;
  added: boolean;
  lines: { line: number; text: string; hint: string }[];
}

export type Submitted = { runs: number; notes: string[]; again: boolean };

const ORDER = ['finished', 'terminated', 'timeout', 'failed', 'lost', 'running', 'pending', 'queued', 'submitting', 'defined'];
const WAITING = ['pending', 'queued', 'submitting', 'defined'];

/** A bar of the states of runs, each as long as its part of them. */
export function StateBar({ states }: { states: Record<string, number> }): JSX.Element {
  const there = ORDER.filter(state => states[state]);
  const words = there.map(state => `${states[state]} ${state}`).join(', ');
  return (
    <span className="nn-stbar" role="img" title={words} aria-label={words}>
      {there.map(state => (
        <i key={state} className={`nn-c-${state}`} style={{ flex: states[state], background: WAITING.includes(state) ? 'var(--nn-faint)' : 'currentColor' }} />
      ))}
    </span>
  );
}

interface WhereProps {
  runs: number;
  targets: string[];
  target: string;
  onSubmit: (node: string) => void;
  onCancel: () => void;
}

/** Asks where runs shall go before they are sent. */
export function Where({ runs, targets, target, onSubmit, onCancel }: WhereProps): JSX.Element {
  const [node, setNode] = React.useState(target);
  return (
    <form
      className="nn-strip nn-act nn-ask-name"
      aria-label="Submit"
      onKeyDown={event => event.key === 'Escape' && onCancel()}
      onSubmit={event => {
        event.preventDefault();
        onSubmit(node);
      }}
    >
      <span className="nn-s nn-mut">{count(runs, 'run')} to</span>
      <select className="nn-in nn-grow" value={node} aria-label="Node or group" autoFocus onChange={event => setNode(event.target.value)}>
        {targets.map(one => (
          <option key={one}>{one}</option>
        ))}
      </select>
      <button type="submit" className="nn-btn nn-pri">
        Submit
      </button>
      <IconButton icon="x" label="Cancel" onClick={onCancel} />
    </form>
  );
}

export function Outcome(props: { ids: string[]; node: string; result: Submitted; busy: boolean; onAgain: () => void; onClose: () => void }): JSX.Element {
  const { result } = props;
  return (
    <div className="nn-msg nn-info nn-closable" role="status">
      <span>
        <b>{result.runs ? `${count(result.runs, 'run')} submitted.` : 'Nothing new to run.'}</b> {result.notes.map(sentence).join(' ')}
        {result.again && (
          <span className="nn-row">
            <Button disabled={props.busy} onClick={props.onAgain}>
              Run them again
            </Button>
          </span>
        )}
      </span>
      <IconButton icon="x" label="Dismiss" onClick={props.onClose} />
    </div>
  );
}

export function Problems({ broken, act }: { broken: Broken; act: Act }): JSX.Element {
  const [ask, trouble, busy, forget] = useAsk();
  const name = broken.folder.split('/').pop();
  return (
    <div className="nn-msg nn-bad" role="status">
      <b>
        config.yaml of {name} has {count(broken.lines.length, 'problem')}.
      </b>{' '}
      {broken.added ? 'It cannot be submitted until that is mended.' : 'It is not added.'}
      {broken.lines.map(one => (
        <div key={`${one.line} ${one.text}`} className="nn-problem">
          <LinkButton title={`Open ${broken.file} at line ${one.line}`} onClick={() => void openFile(broken.file, one.line)}>
            line {one.line}
          </LinkButton>{' '}
          {sentence(one.text)} <span className="nn-mut">{one.hint && capital(sentence(one.hint))}</span>
        </div>
      ))}
      <TroubleMessage trouble={trouble} onClose={forget} />
      {!broken.added && (
        <div className="nn-row">
          <Button disabled={busy} onClick={() => ask(() => act('add', { path: broken.folder }))}>
            Add it now
          </Button>
          <LinkButton onClick={() => ask(() => act('dismiss', { folder: broken.folder }))}>Dismiss</LinkButton>
        </div>
      )}
    </div>
  );
}

export function Duplicate({ id, ids, act, onDone }: { id: string; ids: string[]; act: Act; onDone: () => void }): JSX.Element {
  const [name, setName] = React.useState(() => {
    let at = 2;
    while (ids.includes(`${id}_${at}`)) {
      at++;
    }
    return `${id}_${at}`;
  });
  const [ask, trouble, busy, forget] = useAsk();
  const copy = (event: React.FormEvent): void => {
    event.preventDefault();
    ask(async () => {
      await act('duplicate', { id, new: name });
      onDone();
    });
  };
  return (
    <>
      <form className="nn-strip nn-act nn-ask-name" onSubmit={copy} onKeyDown={formKeys(onDone)}>
        <input className="nn-in nn-grow" value={name} autoFocus spellCheck={false} aria-label={`Name of the copy of ${id}`} onChange={event => setName(event.target.value)} />
        <button type="submit" className="nn-btn" disabled={busy || !name.trim()}>
          Duplicate
        </button>
        <Button onClick={onDone}>Cancel</Button>
      </form>
      <TroubleMessage trouble={trouble} onClose={forget} />
    </>
  );
}

export function AddFolder({ act, onDone }: { act: Act; onDone: () => void }): JSX.Element {
  const [path, setPath] = React.useState('');
  const [ask, trouble, busy, forget] = useAsk();
  const add = (event: React.FormEvent): void => {
    event.preventDefault();
    ask(async () => {
      await addAll(act, [path.trim()]);
      onDone();
    });
  };
  return (
    <form className="nn-nodeform" aria-label="Add a folder" onSubmit={add} onKeyDown={formKeys(onDone)}>
      <div className="nn-row">
        <input
          className="nn-in nn-grow"
          value={path}
          placeholder="Folder with a config.yaml"
          aria-label="Folder"
          autoFocus
          spellCheck={false}
          onChange={event => setPath(event.target.value)}
        />
        <button type="submit" className="nn-btn" disabled={busy || !path.trim()}>
          Add
        </button>
      </div>
      <div className="nn-xs nn-mut">Or drag it here from the file browser.</div>
      <TroubleMessage trouble={trouble} onClose={forget} />
    </form>
  );
}

/** Adds folders; a path that begins nowhere is one of the file browser. */
export async function addAll(act: Act, paths: string[]): Promise<void> {
  for (const path of paths) {
    await act('add', { path: /^([/~]|[A-Za-z]:[\\/])/.test(path) ? path : computerPath(serverRoot(), path) });
  }
}

/** What JupyterLab dispatches while something is dragged out of its file browser. */
interface LabDrag extends Event {
  mimeData: { hasData(mime: string): boolean; getData(mime: string): unknown };
  dropAction: string;
  proposedAction: string;
}

const MIME = 'application/x-jupyter-icontents';

/** [the element that takes files of the file browser, whether some are held over it now]. */
export function useDrop(onDrop: (paths: string[]) => void): [React.RefObject<HTMLDivElement>, boolean] {
  const place = React.useRef<HTMLDivElement>(null);
  const [over, setOver] = React.useState(false);
  const drop = React.useRef(onDrop);
  drop.current = onDrop;
  React.useEffect(() => {
    const element = place.current;
    const hear = (event: Event): void => {
      const drag = event as LabDrag;
      if (!drag.mimeData?.hasData(MIME)) {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      drag.dropAction = drag.proposedAction;
      setOver(event.type === 'lm-dragenter' || event.type === 'lm-dragover');
      if (event.type === 'lm-drop') {
        // `RTC:folder`: the drive's name is no part of the path.
        drop.current((drag.mimeData.getData(MIME) as string[]).map(path => path.replace(/^[^/:]*:/, '')));
      }
    };
    const kinds = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'];
    kinds.forEach(kind => element?.addEventListener(kind, hear));
    return () => kinds.forEach(kind => element?.removeEventListener(kind, hear));
  }, []);
  return [place, over];
}
