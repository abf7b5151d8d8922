/** What the kernel says of the sweep that is edited. */
import type { JSONObject } from '@lumino/coreutils';

/** A value, a list of values, or the fields of a range. */
export type Said = string | string[] | { [field: string]: string };

export interface Axis {
  key: number;
  name: string;
  said: Said;
  outer: boolean;
  size: number | null;
  shown: string;
}

export interface Fault {
  word: string;
  name: string;
  text: string;
  hint: string;
  severity: 'error' | 'warning' | 'note';
  line: number;
}

export interface PreviewRow {
  n?: number;
  left?: number;
  values: string[];
}

export interface Target {
  id: string;
  slots: number;
  used: number;
  boxes: boolean;
  free: string;
  more: string;
}

export interface SweepState {
  revision: number;
  open: number;
  folder: string;
  config: string;
  experiments: { id: string; line: number }[];
  recent: string[];
  programs: string[];
  conflict: boolean;
  busy: string;
  result: { text?: string; notes?: string[]; again?: boolean };
  python: string;
  experiment: string;
  new: boolean;
  edited: boolean;
  axes: Axis[];
  zips: string[][];
  exclude: string[];
  words: { [word: string]: string };
  total: number;
  product: string;
  left: number;
  columns: string[];
  rows: PreviewRow[];
  chosen: number;
  command: [string, boolean][];
  name: string;
  many: boolean;
  waits: string;
  faults: Fault[];
  errors: number;
  inheriting: string[];
  summary: string;
  resources: string;
  targets: Target[];
  target: string;
  before: number;
  starts: string;
  then: string;
  lasts: string;
  sends: string;
  blocked: { text: string; hint: string }[];
  notes: string[];
}

/** Asks for a change of the draft; the revision whose state shows it. */
export type Edit = (name: string, args?: JSONObject) => Promise<number>;

export type Kind = 'value' | 'list' | 'range' | 'log';

export function kindOf(said: Said): Kind {
  return typeof said === 'string' ? 'value' : Array.isArray(said) ? 'list' : 'log' in said ? 'log' : 'range';
}

export function runs(count: number): string {
  return `${count.toLocaleString('en')} run${count === 1 ? '' : 's'}`;
}
