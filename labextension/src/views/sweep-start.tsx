/** Where a sweep begins: a folder, one of its experiments, or the command of one run. */
import React from 'react';
import { Button, Icon, LinkButton, Menu, TroubleMessage, useAsk } from '../kit';
import { contentsPath, serverRoot } from '../shell';
import type { Act } from '../base';
import { TextField } from './sweep-fields';
import type { Edit, SweepState } from './sweep-state';

interface Found {
  path: string;
  has: boolean;
}

/** A folder as the file browser has it, where it has it. */
function shortened(path: string): string {
  return contentsPath(serverRoot(), path) || path;
}

export function FolderField({ state, act }: { state: SweepState; act: Act }): JSX.Element {
  const [typed, setTyped] = React.useState<string | null>(null);
  const [found, setFound] = React.useState<Found[]>([]);
  const [at, setAt] = React.useState(-1);
  const [ask, trouble, , forget] = useAsk();
  const input = React.useRef<HTMLInputElement>(null);
  const wanted = React.useRef(0);
  const id = React.useId();
  const text = typed ?? shortened(state.folder);
  const open = typed !== null && found.length > 0;
  React.useEffect(() => {
    if (typed === null) {
      setFound([]);
      return;
    }
    const mine = ++wanted.current;
    const timer = window.setTimeout(() => {
      act<Found[] & []>('complete', { typed, root: serverRoot() })
        .then(list => {
          if (mine === wanted.current) {
            setFound(list);
            setAt(-1);
          }
        })
        .catch(() => setFound([]));
    }, 100);
    return () => window.clearTimeout(timer);
  }, [typed]);
  React.useLayoutEffect(() => {
    // The end of a long path says more than its beginning.
    if (input.current && input.current !== document.activeElement) {
      input.current.scrollLeft = input.current.scrollWidth;
    }
  });
  const choose = (path: string): void => {
    wanted.current++;
    setFound([]);
    ask(async () => {
      await act('open_folder', { path, root: serverRoot() });
      setTyped(null);
    });
  };
  const keys = (event: React.KeyboardEvent): void => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (typed === null) {
        setTyped(text);
      } else if (found.length) {
        setAt((at + (event.key === 'ArrowDown' ? 1 : -1) + found.length) % found.length);
      }
    } else if (event.key === 'Tab' && at >= 0 && open && !event.shiftKey) {
      event.preventDefault();
      setTyped(`${found[at].path}/`);
    } else if (event.key === 'Enter' && !event.ctrlKey) {
      choose(at >= 0 && open ? found[at].path : text);
    } else if (event.key === 'Escape') {
      setTyped(null);
      forget();
    }
  };
  return (
    <div className="nn-folder">
      <label className="nn-in" title={state.folder || 'Folder'}>
        <Icon name="folder" className="nn-mut" />
        <input
          ref={input}
          role="combobox"
          aria-label="Folder"
          aria-expanded={open}
          aria-controls={id}
          aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
          placeholder="Folder of your program"
          spellCheck={false}
          autoComplete="off"
          value={text}
          onFocus={event => {
            event.target.select();
            setTyped(state.folder ? null : '');
          }}
          onChange={event => setTyped(event.target.value)}
          onBlur={() => {
            if (typed && typed !== shortened(state.folder) && !trouble) {
              choose(typed);
            } else {
              setTyped(null);
            }
          }}
          onKeyDown={keys}
        />
      </label>
      {open && (
        <div className="nn-pop nn-list nn-complete" role="listbox" id={id} aria-label="Folders">
          {found.map((each, index) => (
            <button
              key={each.path}
              id={`${id}-${index}`}
              type="button"
              role="option"
              tabIndex={-1}
              aria-selected={index === at}
              className={index === at ? 'nn-on' : ''}
              title={each.path}
              // Before the field loses the focus, which would choose what is typed.
              onMouseDown={event => {
                event.preventDefault();
                choose(each.path);
                input.current?.blur();
              }}
            >
              <Icon name={each.has ? 'neronet' : 'folder'} className={each.has ? '' : 'nn-mut'} />
              <span className="nn-el nn-tail">{each.path}</span>
            </button>
          ))}
        </div>
      )}
      <TroubleMessage trouble={trouble} onClose={forget} />
    </div>
  );
}

const NEW = '+';

export function ExperimentField({ state, act, edit }: { state: SweepState; act: Act; edit: Edit }): JSX.Element {
  const [ask, trouble, , forget] = useAsk();
  if (state.new) {
    return (
      <div className="nn-row nn-newrow">
        <TextField
          label="Name of the new experiment"
          className="nn-newname"
          value={state.experiment}
          revision={state.revision}
          whole
          send={id => edit('name', { id })}
        />
        {state.experiments.length > 0 && (
          <Menu
            icon="down"
            label="Other experiments"
            items={state.experiments.map(({ id }) => ({ label: id, onClick: () => ask(() => act('open_experiment', { id })) }))}
          />
        )}
      </div>
    );
  }
  return (
    <div>
      <select
        className="nn-in nn-select"
        aria-label="Experiment"
        title={state.experiment}
        value={state.experiment || NEW}
        onChange={event => {
          const id = event.target.value;
          ask(() => (id === NEW ? act('new') : act('open_experiment', { id })));
        }}
      >
        {state.experiments.map(({ id }) => (
          <option key={id} value={id}>
            {id}
          </option>
        ))}
        <option value={NEW}>New experiment</option>
      </select>
      <TroubleMessage trouble={trouble} onClose={forget} />
    </div>
  );
}

/** Shown while there is no experiment: how to get one. */
export function Start({ state, act }: { state: SweepState; act: Act }): JSX.Element {
  const [command, setCommand] = React.useState('');
  const [ask, trouble, busy, forget] = useAsk();
  const propose = (text: string): void => {
    if (text.trim()) {
      ask(() => act('propose', { command: text, root: serverRoot() }));
    }
  };
  return (
    <div className="nn-begin">
      {!state.folder && (
        <>
          <div className="nn-s">
            <b>Choose the folder of your program</b> <span className="nn-mut">above, or in the file browser: right-click, Submit.</span>
          </div>
          {state.recent.map(path => (
            <div key={path} className="nn-hostrow">
              <Icon name="folder" className="nn-mut" />
              <LinkButton onClick={() => ask(() => act('open_folder', { path }))} title={path}>
                {shortened(path)}
              </LinkButton>
            </div>
          ))}
        </>
      )}
      {state.folder && (
        <>
          <div className="nn-s">
            <b>Type the command of one run</b> <span className="nn-mut">as in a terminal. Its arguments become parameters that you can vary.</span>
          </div>
          <div className="nn-row">
            <input
              className="nn-in nn-mono nn-grow"
              aria-label="Command of one run"
              placeholder="python3 train.py --lr 0.1"
              spellCheck={false}
              value={command}
              onChange={event => setCommand(event.target.value)}
              onKeyDown={event => event.key === 'Enter' && propose(command)}
            />
            <Button kind="primary" disabled={!command.trim() || busy} onClick={() => propose(command)}>
              Go on
            </Button>
          </div>
          {!command &&
            state.programs.slice(0, 4).map(name => (
              <div key={name} className="nn-hostrow">
                <Icon name="file" className="nn-mut" />
                <LinkButton onClick={() => setCommand(`${starter(name)} `)}>{name}</LinkButton>
              </div>
            ))}
        </>
      )}
      <TroubleMessage trouble={trouble} onClose={forget} />
    </div>
  );
}

/** How a file of this kind is usually started. */
function starter(name: string): string {
  const ending = name.slice(name.lastIndexOf('.') + 1);
  const with_ = { py: 'python3', sh: 'sh', R: 'Rscript', r: 'Rscript', jl: 'julia', pl: 'perl', rb: 'ruby', lua: 'lua', js: 'node' }[ending];
  const quoted = /^[\w.-]+$/.test(name) ? name : `'${name.replace(/'/g, "'\\''")}'`;
  return with_ ? `${with_} ${quoted}` : `./${quoted}`;
}
