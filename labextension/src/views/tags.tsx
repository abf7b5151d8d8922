/** The tags of some runs: as text of a table's cell, and as chips that are added and taken away. */
import React from 'react';
import type { Act } from '../base';
import { Icon } from '../kit';

/** A tag, and how many of the runs have it. */
export type Counted = [tag: string, count: number];

/** The tags of one run in a cell, which cuts what is too long. */
export function TagTexts({ tags }: { tags: string }): JSX.Element {
  return (
    <>
      {tags
        .split(' ')
        .filter(tag => tag)
        .map((tag, index) => (
          <bdi key={index} className="nn-tag">
            {tag}
          </bdi>
        ))}
    </>
  );
}

interface TagsProps {
  tags: Counted[];
  /** How many runs are meant. */
  runs: number;
  act: Act;
  ask: (work: () => Promise<void>) => void;
  autoFocus?: boolean;
  /** Enter with nothing typed, or Escape: the user has done. */
  onDone?: () => void;
}

/** Words, as `nerocli tag` takes them, add tags, and take those away that begin with a minus. */
export function Tags({ tags, runs, act, ask, autoFocus, onDone }: TagsProps): JSX.Element {
  const [text, setText] = React.useState('');
  const [known, setKnown] = React.useState<string[]>([]);
  const id = React.useId();
  const input = React.useRef<HTMLInputElement>(null);
  const enter = (): void => {
    const words = text.split(/[\s,]+/).filter(word => word);
    const add = words.filter(word => !word.startsWith('-')).map(word => word.replace(/^\+/, ''));
    const remove = words.filter(word => word.startsWith('-')).map(word => word.slice(1));
    if (words.length) {
      ask(async () => {
        await act('tag', { add, remove });
        setText('');
      });
    } else {
      onDone?.();
    }
  };
  return (
    <span className="nn-chips nn-tags" role="group" aria-label={runs === 1 ? 'tags' : `tags of ${runs} runs`}>
      <span className="nn-taglist">
        {tags.map(([tag, count]) => (
          <span key={tag} className="nn-chip" title={count < runs ? `${count} of ${runs} have it` : tag}>
            <bdi className="nn-el">{tag}</bdi>
            {count < runs && <span className="nn-mut nn-few">{count.toLocaleString('en')}</span>}
            <button
              type="button"
              className="nn-chipx"
              aria-label={`Take ${tag} away`}
              onClick={() => {
                ask(() => act('tag', { add: [], remove: [tag] }));
                input.current?.focus();
              }}
            >
              <Icon name="x" />
            </button>
          </span>
        ))}
      </span>
      <input
        ref={input}
        className="nn-chip nn-dot nn-add"
        aria-label="Add a tag; with - before it, take it away"
        title="Enter adds a tag, -tag takes it away"
        placeholder="tag"
        list={id}
        spellCheck={false}
        autoComplete="off"
        autoFocus={autoFocus}
        value={text}
        style={{ width: `calc(${Math.max(6, text.length)}ch + 13px)` }}
        onFocus={() => void act<string[]>('tags').then(setKnown, () => undefined)}
        onChange={event => setText(event.target.value)}
        onKeyDown={event => {
          event.stopPropagation();
          if (event.key === 'Enter') {
            enter();
          } else if (event.key === 'Escape') {
            setText('');
            onDone?.();
          }
        }}
      />
      <datalist id={id}>
        {known
          .filter(tag => !tags.some(one => one[0] === tag && one[1] === runs))
          .map(tag => (
            <option key={tag} value={tag} />
          ))}
      </datalist>
    </span>
  );
}
