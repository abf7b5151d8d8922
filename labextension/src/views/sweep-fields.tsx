/** Fields whose text is the user's while it is typed, and the kernel's otherwise. */
import React from 'react';
import { ActError } from '../base';
import { Icon, type Trouble } from '../kit';

const DELAY = 150; // milliseconds without a key until the kernel is asked

interface Now<T> {
  timer: number;
  focused: boolean;
  asking: boolean;
  waiting: T | null;
  until: number; // the revision that shows what was sent last
}

export interface Typed<T> {
  value: T;
  trouble: Trouble | null;
  type: (value: T, delay?: number) => void;
  /** Sends now what waits. */
  flush: () => void;
  /** Back to what the kernel has. */
  forget: () => void;
  focus: (focused: boolean) => void;
}

/**
 * Shows what is typed until the kernel's state has it, so that a state which comes back late never overwrites it.
 * One request is on its way at a time; what is typed meanwhile goes with the next one.
 */
export function useTyped<T>(value: T, revision: number, send: (value: T) => Promise<number>): Typed<T> {
  const [typed, setTyped] = React.useState<{ value: T } | null>(null);
  const [trouble, setTrouble] = React.useState<Trouble | null>(null);
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  const now = React.useRef<Now<T>>({ timer: 0, focused: false, asking: false, waiting: null, until: 0 }).current;
  const sender = React.useRef(send);
  sender.current = send;

  const flush = (): void => {
    window.clearTimeout(now.timer);
    if (now.asking || now.waiting === null) {
      return;
    }
    const sent = now.waiting;
    now.waiting = null;
    now.asking = true;
    sender
      .current(sent)
      .then(revision => {
        now.until = revision;
        setTrouble(null);
      })
      .catch((error: unknown) => {
        const hint = error instanceof ActError ? error.hint : '';
        setTrouble({ text: error instanceof Error ? error.message : String(error), hint });
      })
      .finally(() => {
        now.asking = false;
        flush();
        draw();
      });
  };

  React.useEffect(() => () => flush(), []);
  React.useEffect(() => {
    const settled = !now.focused && !now.asking && now.waiting === null && revision >= now.until;
    if (typed && settled && !trouble) {
      setTyped(null);
    }
  });

  return {
    value: typed ? typed.value : value,
    trouble,
    type: (next, delay = DELAY) => {
      setTyped({ value: next });
      now.waiting = next;
      window.clearTimeout(now.timer);
      if (delay) {
        now.timer = window.setTimeout(flush, delay);
      } else {
        flush();
      }
    },
    flush,
    forget: () => {
      now.waiting = null;
      setTrouble(null);
      setTyped(null);
    },
    focus: focused => {
      now.focused = focused;
      if (!focused) {
        flush();
        draw();
      }
    }
  };
}

export interface TextFieldProps {
  label: string;
  value: string;
  revision: number;
  send: (text: string) => Promise<number>;
  className?: string;
  placeholder?: string;
  bad?: boolean;
  /** Width in characters; else as wide as there is room. */
  fit?: [number, number];
  /** Only Enter and leaving the field send: half a name is none. */
  whole?: boolean;
  /** Told of each text before it is taken; true: it was dealt with. */
  intercept?: (text: string) => boolean;
}

export function TextField(props: TextFieldProps): JSX.Element {
  const { label, value, revision, send, className = '', placeholder, bad, fit, whole, intercept } = props;
  const field = useTyped(value, revision, send);
  const width = fit && { width: `calc(${Math.min(fit[1], Math.max(fit[0], field.value.length || placeholder?.length || 0))}ch + 13px)` };
  return (
    <>
      <input
        className={`nn-in ${className}${bad || field.trouble ? ' nn-bad' : ''}`}
        style={width}
        aria-label={label}
        aria-invalid={bad || !!field.trouble}
        title={field.value.length > 8 ? field.value : undefined}
        placeholder={placeholder}
        spellCheck={false}
        autoComplete="off"
        value={field.value}
        onChange={event => {
          if (!intercept?.(event.target.value)) {
            field.type(event.target.value, whole ? 1e8 : undefined);
          }
        }}
        onFocus={() => field.focus(true)}
        onBlur={() => field.focus(false)}
        onKeyDown={event => {
          if (event.key === 'Enter' && !event.ctrlKey) {
            field.flush();
          } else if (event.key === 'Escape') {
            field.forget();
          }
        }}
      />
      {field.trouble && <Fix bad text={field.trouble.text} hint={field.trouble.hint} />}
    </>
  );
}

/** What is wrong with a field, under it: what is so, then what to do. */
export function Fix({
  bad,
  text,
  hint,
  children
}: {
  bad?: boolean;
  text: string;
  hint?: string;
  children?: React.ReactNode;
}): JSX.Element {
  return (
    <div className={`nn-fix ${bad ? 'nn-bad' : 'nn-ask'}`} role={bad ? 'alert' : undefined}>
      <Icon name={bad ? 's-failed' : 'l-ask'} />
      <span>
        <b>{sentence(text)}</b> {hint && `${sentence(hint)} `}
        {children}
      </span>
    </div>
  );
}

/** With a large first letter, unless it begins with a name, and a full stop. */
export function sentence(text: string): string {
  const first = /^[a-z]+(?=[ ,])/.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
  return /[.?]$/.test(first) ? first : `${first}.`;
}

/** What stands before and after the last comma; a text that begins with a quote or a bracket is whole. */
export function pieces(text: string): string[] {
  if (/^\s*["'[{(]/.test(text)) {
    return [text];
  }
  return text.split(',');
}

function plain(text: string): string {
  const match = /^(["'])(.*)\1$/s.exec(text.trim());
  return match ? match[2] : text.trim();
}

export interface ChipsProps {
  label: string;
  values: string[];
  revision: number;
  send: (values: string[]) => Promise<number>;
  bad?: boolean;
  autoFocus?: boolean;
}

/** A list of values: Enter and comma add, Backspace in the empty field and x remove, a click on a value edits it. */
export function Chips({ label, values, revision, send, bad, autoFocus }: ChipsProps): JSX.Element {
  const list = useTyped(values, revision, send);
  const [text, setText] = React.useState('');
  const [editing, setEditing] = React.useState(-1);
  const input = React.useRef<HTMLInputElement>(null);
  React.useEffect(() => {
    if (autoFocus) {
      input.current?.focus();
    }
  }, []);
  const add = (more: string[]): void => {
    const found = more.map(plain).filter(each => each);
    if (found.length) {
      list.type([...list.value, ...found], 0);
    }
  };
  const change = (next: string): void => {
    const found = pieces(next);
    add(found.slice(0, -1));
    setText(found[found.length - 1].trimStart());
  };
  const commit = (): void => {
    // Two quotes are how an empty text is typed.
    if (/^(""|'')$/.test(text.trim())) {
      list.type([...list.value, ''], 0);
    } else {
      add([text]);
    }
    setText('');
  };
  const put = (index: number, next: string | null): void => {
    const rest = list.value.slice();
    rest.splice(index, 1, ...(next === null ? [] : [next]));
    list.type(rest, 0);
  };
  return (
    <>
      <div className={`nn-chips${bad ? ' nn-in nn-bad' : ''}`} role="group" aria-label={label}>
        {list.value.slice(0, 60).map((value, index) =>
          index === editing ? (
            <input
              key={index}
              className="nn-in nn-edit"
              aria-label={`${label} ${index + 1}`}
              defaultValue={value}
              autoFocus
              style={{ width: `calc(${Math.max(3, value.length)}ch + 16px)` }}
              onBlur={event => {
                setEditing(-1);
                if (event.target.value !== value) {
                  put(index, event.target.value.trim() || null);
                }
              }}
              onKeyDown={event => {
                if (event.key === 'Escape') {
                  event.currentTarget.value = value;
                }
                if (event.key === 'Escape' || event.key === 'Enter') {
                  event.currentTarget.blur();
                  input.current?.focus();
                }
              }}
            />
          ) : (
            <span key={index} className="nn-chip">
              <button type="button" className="nn-chiptext" title={value || 'empty text'} onClick={() => setEditing(index)}>
                {value || '∅'}
              </button>
              <button type="button" className="nn-chipx" aria-label={`Remove ${value || 'empty text'}`} onClick={() => put(index, null)}>
                <Icon name="x" />
              </button>
            </span>
          )
        )}
        {list.value.length > 60 && <span className="nn-s nn-mut">and {list.value.length - 60} more</span>}
        <input
          ref={input}
          className="nn-chip nn-dot nn-add"
          aria-label={`Add a value of ${label}`}
          placeholder="add"
          spellCheck={false}
          autoComplete="off"
          value={text}
          style={{ width: `calc(${Math.max(3, text.length)}ch + 13px)` }}
          onChange={event => change(event.target.value)}
          onFocus={() => list.focus(true)}
          onBlur={() => {
            commit();
            list.focus(false);
          }}
          onKeyDown={event => {
            if (event.key === 'Enter') {
              commit();
            } else if (event.key === 'Backspace' && !text && list.value.length) {
              put(list.value.length - 1, null);
            } else if (event.key === 'Escape') {
              setText('');
            }
          }}
        />
      </div>
      {list.trouble && <Fix bad text={list.trouble.text} hint={list.trouble.hint} />}
    </>
  );
}
