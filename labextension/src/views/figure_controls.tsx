/** What the heads of figures are made of: choices, and segments of which one is on. */
import React from 'react';

export interface ChoiceProps {
  label: string;
  value: string;
  /** Values and what is read for them. */
  values: [string, string][];
  strong?: boolean;
  onChange: (value: string) => void;
}

export function Choice({ label, value, values, strong, onChange }: ChoiceProps): JSX.Element {
  const known = values.some(([one]) => one === value) ? values : [[value, value] as [string, string], ...values];
  return (
    <select
      className={`nn-in nn-fig-choice${strong ? ' nn-strong' : ''}`}
      aria-label={label}
      title={label}
      value={value}
      onChange={event => onChange(event.target.value)}
    >
      {known.map(([one, text]) => (
        <option key={one} value={one}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** Names that read as themselves. */
export function named(values: string[]): [string, string][] {
  return values.map(value => [value, value]);
}

export interface SegmentsProps {
  label: string;
  value: string;
  values: string[];
  /** Left out where there is little room. */
  wide?: string;
  onChange: (value: string) => void;
}

export function Segments({ label, value, values, wide, onChange }: SegmentsProps): JSX.Element {
  return (
    <span className="nn-seg" role="group" aria-label={label}>
      {values.map(one => (
        <button
          key={one}
          type="button"
          className={`${one === value ? 'nn-on' : ''}${one === wide ? ' nn-fig-wide' : ''}`}
          aria-pressed={one === value}
          onClick={() => onChange(one)}
        >
          {one}
        </button>
      ))}
    </span>
  );
}
