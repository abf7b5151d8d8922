/** The section Nodes: where runs can run. */
import React from 'react';
import { view, type Props } from '../base';
import { IconButton, LinkButton, Section } from '../kit';
import { openFile } from '../shell';
import { AddNode, capital, sentence, type Node } from './nodeparts';
import { GroupRow, NodeRow, count } from './noderow';

interface Problem {
  line: number;
  text: string;
  hint: string;
}

interface State {
  summary: string;
  nodes: Node[];
  groups: { id: string; members: string[] }[];
  chosen: string | null;
  default: string | null;
  hosts: string[];
  problems: Problem[];
  file: string;
  adding: number;
  shown: [number, string];
}

function NodePicker({ state, act }: Props<State>): JSX.Element {
  const [adding, setAdding] = React.useState(false);
  const [current, setCurrent] = React.useState('');
  const [fresh, setFresh] = React.useState<string | null>(null);
  const place = React.useRef<HTMLDivElement>(null);
  // What was asked for before this page was there is no news to it.
  const first = React.useRef({ adding: state.adding, shown: state.shown[0] });
  const added = state.adding - first.current.adding;
  const shown = state.shown[0] - first.current.shown;
  React.useEffect(() => {
    if (added) {
      setAdding(true);
    }
  }, [added]);
  const move = (event: React.KeyboardEvent): void => {
    const all = Array.from(place.current?.querySelectorAll<HTMLElement>('.nn-name') ?? []);
    const now = all.indexOf(event.target as HTMLElement);
    const next = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: all.length - 1 }[event.key];
    if (now >= 0 && next !== undefined) {
      all[Math.max(0, Math.min(all.length - 1, next))].focus();
      event.preventDefault();
    }
  };
  const done = (node: string | null): void => {
    setAdding(false);
    setFresh(node);
  };
  const focusable = state.nodes.some(node => node.id === current) ? current : state.nodes[0]?.id;
  return (
    <Section
      id="nodes"
      title="Nodes"
      summary={<Summary text={state.summary} />}
      open={added + shown}
      actions={<IconButton icon="plus" label="Add a node" on={adding} onClick={() => setAdding(!adding)} />}
    >
      <div className="nn-b nn-nodes" ref={place} onKeyDown={move}>
        <FileProblems problems={state.problems} file={state.file} />
        <div role="list" aria-label="Nodes">
          {state.nodes.map(node => (
            <NodeRow
              key={node.id}
              node={node}
              chosen={node.id === state.chosen}
              isDefault={node.id === state.default}
              shown={node.id === state.shown[1] ? shown : node.id === fresh ? -1 : 0}
              focusable={node.id === focusable}
              onFocus={() => setCurrent(node.id)}
              act={act}
            />
          ))}
          {state.groups.map(group => (
            <GroupRow key={group.id} {...group} chosen={group.id === state.chosen} act={act} />
          ))}
        </div>
        {adding && <AddNode key={added} hosts={state.hosts} act={act} onDone={done} />}
        {!adding && state.nodes.length === 1 && state.groups.length === 0 && (
          <div className="nn-empty nn-s">
            <span className="nn-mut">Machines that you reach by SSH can run more.</span>{' '}
            <LinkButton onClick={() => setAdding(true)}>Add one</LinkButton>
          </div>
        )}
      </div>
    </Section>
  );
}

/** What asks the user matters most: where there is no room for both, the rest goes. */
function Summary({ text }: { text: string }): JSX.Element {
  const [ready, asks] = text.split(', ');
  return asks ? (
    <>
      <span className="nn-hide-n">{ready}, </span>
      {asks}
    </>
  ) : (
    <>{text}</>
  );
}

function FileProblems({ problems, file }: { problems: Problem[]; file: string }): JSX.Element | null {
  if (!problems.length) {
    return null;
  }
  return (
    <div className="nn-msg nn-bad" role="status">
      <b>nodes.yaml has {count(problems.length, 'problem')}.</b> What was known before goes on.
      {problems.map(problem => (
        <div key={`${problem.line} ${problem.text}`} className="nn-problem">
          <LinkButton title={`Open ${file} at line ${problem.line}`} onClick={() => void openFile(file, problem.line)}>
            line {problem.line}
          </LinkButton>{' '}
          {sentence(problem.text)} <span className="nn-mut">{problem.hint && capital(sentence(problem.hint))}</span>
        </div>
      ))}
    </div>
  );
}

export const NodePickerView = view(NodePicker, 'nn-node-picker');
