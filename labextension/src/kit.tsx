/** Controls that all parts share: icons of states, sections, buttons, messages, menus. */
import React from 'react';
import { ActError } from './base';
import { Icon, isIcon, type IconName } from './icons';

export { Icon, type IconName } from './icons';

/** The state of a run: its shape first, then its colour; the word for those who see neither. */
export function StateIcon({ state }: { state: string }): JSX.Element {
  const name = `s-${state}`;
  return (
    <span className={`nn-state nn-c-${state}`} title={state} role="img" aria-label={state}>
      <Icon name={isIcon(name) ? name : 's-lost'} className={`nn-c-${state}`} />
    </span>
  );
}

const LINKS: Record<string, [IconName, string]> = {
  ready: ['l-ok', 'nn-c-ok'],
  connecting: ['l-wait', 'nn-mut'],
  asks: ['l-ask', 'nn-c-ask'],
  unreachable: ['l-down', 'nn-c-down'],
  unknown: ['l-off', 'nn-mut']
};

/** The link to a node: ready, connecting, asks, unreachable, unknown. */
export function LinkIcon({ link }: { link: string }): JSX.Element {
  const [name, colour] = LINKS[link] ?? LINKS.unknown;
  return (
    <span className="nn-state" title={link} role="img" aria-label={link}>
      <Icon name={name} className={colour} />
    </span>
  );
}

export interface ButtonProps {
  children: React.ReactNode;
  onClick: () => void;
  icon?: IconName;
  kind?: 'plain' | 'primary' | 'warn';
  disabled?: boolean;
  title?: string;
  autoFocus?: boolean;
}

export function Button({ children, onClick, icon, kind = 'plain', disabled, title, autoFocus }: ButtonProps): JSX.Element {
  const extra = kind === 'primary' ? ' nn-pri' : kind === 'warn' ? ' nn-warn' : '';
  return (
    <button type="button" className={`nn-btn${extra}`} onClick={onClick} disabled={disabled} title={title} autoFocus={autoFocus}>
      {icon && <Icon name={icon} />}
      {children}
    </button>
  );
}

export interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick: (event: React.MouseEvent<HTMLButtonElement>) => void;
  on?: boolean;
  disabled?: boolean;
}

/** A button without words; `label` is its title, and what a screen reader says. */
export function IconButton({ icon, label, onClick, on, disabled }: IconButtonProps): JSX.Element {
  return (
    <button
      type="button"
      className={`nn-ib${on ? ' nn-on' : ''}`}
      title={label}
      aria-label={label}
      aria-pressed={on}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

/** Looks like a link, acts like a button. */
export function LinkButton({ children, onClick, title }: { children: React.ReactNode; onClick: () => void; title?: string }): JSX.Element {
  return (
    <button type="button" className="nn-link" onClick={onClick} title={title}>
      {children}
    </button>
  );
}

export interface SectionProps {
  /** Under this name the browser remembers whether it is open. */
  id: string;
  title: string;
  summary?: React.ReactNode;
  actions?: React.ReactNode;
  /** Takes what is left of the panel's height. */
  fill?: boolean;
  closed?: boolean;
  /** Set to open it from elsewhere; a new value opens it again. */
  open?: number;
  children: React.ReactNode;
}

/** A part of the panel with a header that opens and closes it. */
export function Section({ id, title, summary, actions, fill, closed, open = 0, children }: SectionProps): JSX.Element {
  const key = `neronet:section:${id}`;
  const [shown, setShown] = React.useState(() => (localStorage.getItem(key) ?? (closed ? 'closed' : 'open')) === 'open');
  const show = (now: boolean): void => {
    localStorage.setItem(key, now ? 'open' : 'closed');
    setShown(now);
  };
  React.useEffect(() => {
    if (open) {
      show(true);
    }
  }, [open]);
  return (
    <section className={`nn-sec${fill && shown ? ' nn-fill' : ''}`} aria-label={title}>
      <div className="nn-h">
        <button type="button" className="nn-fold" aria-expanded={shown} onClick={() => show(!shown)}>
          <Icon name={shown ? 'down' : 'right'} />
          <span className="nn-t0">{title}</span>
        </button>
        <span className="nn-sum">{summary}</span>
        {shown && actions}
      </div>
      {shown && children}
    </section>
  );
}

/** One sentence, then what to do: a rule at the left carries the kind. */
export function Message({
  kind = 'info',
  text,
  children
}: {
  kind?: 'info' | 'bad' | 'ask';
  text: React.ReactNode;
  children?: React.ReactNode;
}): JSX.Element {
  return (
    <div className={`nn-msg nn-${kind}`} role={kind === 'info' ? undefined : 'status'}>
      {text}
      {children && <div className="nn-row">{children}</div>}
    </div>
  );
}

/** Asks in place, never in a dialog; the safe answer has the focus. */
export function Confirm({
  question,
  yes,
  no = 'Keep',
  onYes,
  onNo
}: {
  question: React.ReactNode;
  yes: string;
  no?: string;
  onYes: () => void;
  onNo: () => void;
}): JSX.Element {
  return (
    <div className="nn-strip nn-act" role="alertdialog" aria-label={yes} onKeyDown={event => event.key === 'Escape' && onNo()}>
      <span className="nn-grow nn-el nn-s">{question}</span>
      <Button kind="warn" onClick={onYes}>
        {yes}
      </Button>
      <Button onClick={onNo} autoFocus>
        {no}
      </Button>
    </div>
  );
}

/** Nothing for half a second, then what is waited for, with the seconds. */
export function Loading({ what }: { what: string }): JSX.Element | null {
  const [seconds, setSeconds] = React.useState(0);
  React.useEffect(() => {
    const timer = window.setInterval(() => setSeconds(before => before + 0.5), 500);
    return () => window.clearInterval(timer);
  }, []);
  if (!seconds) {
    return null;
  }
  return (
    <div className="nn-row nn-s nn-mut nn-loading" role="status">
      <Icon name="l-wait" />
      {what}
      {seconds >= 1 && `, ${Math.floor(seconds)} s`}
    </div>
  );
}

export interface Item {
  label: string;
  icon?: IconName;
  onClick: () => void;
  disabled?: boolean;
  checked?: boolean;
}

/** A button with a list that floats below it; arrows, Home, End, Escape and Enter work. */
export function Menu({ icon, label, items }: { icon: IconName; label: string; items: Item[] }): JSX.Element {
  const [open, setOpen] = React.useState(false);
  const place = React.useRef<HTMLSpanElement>(null);
  const buttons = (): HTMLButtonElement[] => Array.from(place.current?.querySelectorAll<HTMLButtonElement>('[role^=menuitem]') ?? []);
  React.useEffect(() => {
    if (!open) {
      return;
    }
    buttons()[0]?.focus();
    const outside = (event: MouseEvent): void => {
      if (!place.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    document.addEventListener('mousedown', outside);
    return () => document.removeEventListener('mousedown', outside);
  }, [open]);
  const close = (): void => {
    setOpen(false);
    place.current?.querySelector<HTMLButtonElement>('.nn-ib')?.focus();
  };
  const move = (event: React.KeyboardEvent): void => {
    const all = buttons();
    const now = all.indexOf(document.activeElement as HTMLButtonElement);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === 'Escape') {
      close();
    } else if (next === undefined) {
      return;
    } else {
      all[(next + all.length) % all.length]?.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <span className="nn-menu" ref={place}>
      <IconButton icon={icon} label={label} on={open} onClick={() => setOpen(!open)} />
      {open && (
        <div className="nn-pop nn-list" role="menu" aria-label={label} onKeyDown={move}>
          {items.map(item => (
            <button
              key={item.label}
              type="button"
              role={item.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
              aria-checked={item.checked}
              disabled={item.disabled}
              onClick={() => {
                if (item.checked === undefined) {
                  close();
                }
                item.onClick();
              }}
            >
              <span className="nn-mark">
                {item.checked ? <Icon name="tick" /> : item.icon ? <Icon name={item.icon} /> : null}
              </span>
              {item.label}
            </button>
          ))}
        </div>
      )}
    </span>
  );
}

/** What went wrong with the last thing that was asked, to be shown where it was asked. */
export interface Trouble {
  text: string;
  hint: string;
}

/** Runs what the user asked for: [run, what went wrong, whether it runs now, forget what went wrong]. */
export function useAsk(): [(work: () => Promise<void>) => void, Trouble | null, boolean, () => void] {
  const [trouble, setTrouble] = React.useState<Trouble | null>(null);
  const [busy, setBusy] = React.useState(false);
  const run = (work: () => Promise<void>): void => {
    setTrouble(null);
    setBusy(true);
    work()
      .catch((error: unknown) => {
        const hint = error instanceof ActError ? error.hint : '';
        setTrouble({ text: error instanceof Error ? error.message : String(error), hint });
      })
      .finally(() => setBusy(false));
  };
  return [run, trouble, busy, () => setTrouble(null)];
}

/** Shows a Trouble, with a button that takes it away. */
export function TroubleMessage({ trouble, onClose }: { trouble: Trouble | null; onClose: () => void }): JSX.Element | null {
  if (!trouble) {
    return null;
  }
  return (
    <div className="nn-msg nn-bad nn-closable" role="alert">
      <span>
        <b>{trouble.text}</b>
        {trouble.hint && ` ${trouble.hint}`}
      </span>
      <IconButton icon="x" label="Dismiss" onClick={onClose} />
    </div>
  );
}
