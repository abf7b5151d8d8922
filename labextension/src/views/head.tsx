/** The top of the panel: the toolbar and what needs the user; the first steps while there is nothing yet. */
import React from 'react';
import { view, type Act, type Props } from '../base';
import { Button, Confirm, Icon, IconButton, LinkButton, Menu, StateIcon, TroubleMessage, useAsk } from '../kit';
import { execute, openFile, openRun } from '../shell';
import { Start, type Beginning } from './start';

interface Need {
  key: string;
  kind: 'ask' | 'bad';
  icon: string;
  subject: string;
  text: string;
  run: number | null;
  node: string | null;
}

interface State {
  needs: Need[];
  preferences: string;
  start: Beginning | null;
}

function Head({ state, act }: Props<State>): JSX.Element {
  const [restart, setRestart] = React.useState(false);
  const [ask, trouble, busy, forget] = useAsk();
  if (state.start) {
    return (
      <>
        <Needs needs={state.needs.filter(need => need.kind !== 'ask')} act={act} />
        <Start start={state.start} act={act} />
      </>
    );
  }
  return (
    <>
      <div className="nn-bar" role="toolbar" aria-label="Neronet">
        <Button kind="primary" icon="plus" onClick={() => ask(() => act('sweep'))}>
          New sweep
        </Button>
        <IconButton icon="node" label="Add a node" onClick={() => ask(() => act('add_node'))} />
        <IconButton icon="compare" label="Compare" onClick={() => void execute('neronet:compare')} />
        <Menu
          icon="dots"
          label="More"
          items={[
            { label: 'Open the runs in a tab', icon: 'open', onClick: () => void execute('neronet:open-runs') },
            { label: 'Preferences', icon: 'file', onClick: () => void openFile(state.preferences) },
            { label: 'Restart the engine', icon: 'rerun', onClick: () => setRestart(true) }
          ]}
        />
      </div>
      {restart && (
        <Confirm
          question="Restart the engine? Runs go on; logins end."
          yes="Restart"
          no="Cancel"
          onYes={() => {
            setRestart(false);
            ask(() => act('restart'));
          }}
          onNo={() => setRestart(false)}
        />
      )}
      {busy && <span className="nn-hidden" role="status">Working</span>}
      <TroubleMessage trouble={trouble} onClose={forget} />
      <Needs needs={state.needs} act={act} />
    </>
  );
}

/** The newest thing that needs the user, and how many more there are. */
function Needs({ needs, act }: { needs: Need[]; act: Act }): JSX.Element {
  const [all, setAll] = React.useState(false);
  const [newest, ...others] = needs;
  const shown = newest ? (all ? needs : [newest]) : [];
  return (
    <div role="status" aria-label="What needs you">
      {shown.map(need => (
        <NeedLine key={need.key} need={need} act={act} />
      ))}
      {others.length > 0 && (
        <div className="nn-more nn-s">
          <LinkButton onClick={() => setAll(!all)}>{all ? 'Show only the newest' : `and ${others.length} more`}</LinkButton>
          {all && <LinkButton onClick={() => void act('dismiss', { keys: needs.map(need => need.key) })}>Dismiss all</LinkButton>}
        </div>
      )}
    </div>
  );
}

function NeedLine({ need, act }: { need: Need; act: Act }): JSX.Element {
  const go = (): void => {
    if (need.node !== null) {
      void act('node', { node: need.node });
    } else if (need.run !== null) {
      void openRun(need.run);
    }
  };
  return (
    <div className={`nn-need nn-${need.kind}`}>
      {need.kind === 'ask' ? <Icon name="l-ask" className="nn-c-ask" /> : <StateIcon state={need.icon} />}
      <span className="nn-grow">
        <b>{need.subject}</b> {need.text}{' '}
        {(need.run !== null || need.node !== null) && <LinkButton onClick={go}>{need.node !== null ? 'Answer' : 'See why'}</LinkButton>}
      </span>
      <IconButton icon="x" label="Dismiss" onClick={() => void act('dismiss', { keys: [need.key] })} />
    </div>
  );
}

export const HeadView = view(Head, 'nn-head');
