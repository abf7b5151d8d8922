/** What a page has of the table: the lines that it sees and some around them, which the kernel sends and keeps new. */
import type { JSONObject } from '@lumino/coreutils';
import type { Act, News } from '../base';

export const ROW = 24; // pixels
const AROUND = 12; // rows above and below what is seen, so that scrolling shows no gap
const STEP = 10; // rows; the kernel is asked when as many have come into sight
const STEP_X = 120; // pixels

/** [key, title, width, left, aligned to the right, can be sorted by] */
export type Column = [string, string, number, number, boolean, boolean];

export interface Layout {
  columns: Column[];
  width: number;
  main: boolean;
  tall: number;
  frozen: number;
  metric: string;
  sort: string;
  down: boolean;
}

export type RunLine = [place: number, top: number, kind: 'r', number: number, state: string, marks: number, cells: string[]];
export type HeadLine = [
  place: number,
  top: number,
  kind: 'g',
  key: string,
  title: string,
  count: number,
  kinds: [string, number][],
  best: string,
  open: boolean
];
export type WaitLine = [place: number, top: number, kind: 'w', key: string, text: string, open: boolean];
export type WhyLine = [place: number, top: number, kind: 'y', number: number, cause: string, rest: string, last: string, rerun: boolean];
export type Line = RunLine | HeadLine | WaitLine | WhyLine;
/** How the kernel calls a line: the number of a run, else its key. */
export type Key = number | string;

interface Table {
  version: number;
  lines: Line[];
  /** The rows whose lines are kept; the kernel takes it that others are forgotten. */
  kept: [number, number];
  whole?: boolean;
  height: number;
  count: number;
  cells: [number, number, number];
  cursor: number | null;
  anchor: number | null;
  layout?: Layout;
}

export function keyOf(line: Line): Key {
  return line[2] === 'y' ? `y:${line[3]}` : line[3];
}

export interface Sight {
  top: number;
  left: number;
  width: number;
  height: number;
}

export class Feed {
  layout: Layout | null = null;
  lines = new Map<number, Line>();
  /** Rows of all lines, and how many lines there are. */
  height = 0;
  count = 0;
  /** The places of the columns whose cells the lines have: as many that stay, then from the second to the third. */
  cells: [number, number, number] = [0, 0, 0];
  cursor: { place: number; key: Key | null } = { place: -1, key: null };
  sight: Sight = { top: 0, left: 0, width: 0, height: 0 };

  private version = -1;
  private asked = '';
  private busy = false;
  private anchor: { key: Key; top: number } | null = null;

  constructor(
    private readonly act: Act,
    private readonly page: string,
    private readonly changed: () => void,
    private readonly scrollBy: (pixels: number) => void
  ) {}

  /** The rows that are to be there: what is seen and some around it. */
  get range(): [number, number] {
    const first = Math.floor(this.sight.top / ROW / STEP) * STEP - AROUND;
    return [Math.max(0, first), first + Math.ceil(this.sight.height / ROW) + STEP + 2 * AROUND];
  }

  /** The page sees another part of the table now. */
  look(sight: Sight): void {
    this.sight = sight;
    this.ask();
  }

  /** The keyboard is at another line: the kernel tells where that line goes. */
  move(cursor: { place: number; key: Key | null }): void {
    this.cursor = cursor;
    this.ask();
  }

  /** Puts the keyboard at the first line that is seen, unless it is somewhere; whether it did. */
  start(): boolean {
    const first = this.first();
    if (this.cursor.place >= 0 || !first) {
      return false;
    }
    this.cursor = { place: first[0], key: keyOf(first) };
    return true;
  }

  private first(): Line | undefined {
    return [...this.lines.values()].filter(line => line[1] * ROW >= this.sight.top).sort((a, b) => a[1] - b[1])[0];
  }

  private ask(): void {
    if (this.busy || !this.sight.width || !this.sight.height) {
      return;
    }
    const [top, end] = this.range;
    const first = this.first();
    this.anchor = first && this.sight.top > 0 ? { key: keyOf(first), top: first[1] } : null;
    const args: JSONObject = {
      page: this.page,
      top,
      rows: end - top,
      left: Math.floor(this.sight.left / STEP_X) * STEP_X,
      width: this.sight.width,
      cursor: this.cursor.key,
      anchor: this.anchor?.key ?? null
    };
    const asked = JSON.stringify([top, end, args.left, args.width, args.cursor]);
    if (asked === this.asked) {
      return;
    }
    this.busy = true;
    const again = this.layout === null;
    // A refusal comes at once when the kernel is gone: only what is seen next asks again, or the page would freeze.
    this.act('look', { ...args, again }).then(
      () => {
        this.asked = asked;
        this.busy = false;
        this.ask();
      },
      () => (this.busy = false)
    );
  }

  hear = (news: News): void => {
    const table = news.table as unknown as Table | undefined;
    if (!table) {
      return;
    }
    if (table.whole) {
      this.begin(table);
    } else if (table.version !== this.version) {
      return;
    }
    for (const [place, line] of this.lines) {
      if (line[1] < table.kept[0] || line[1] >= table.kept[1]) {
        this.lines.delete(place);
      }
    }
    // Rows are drawn again only where their line is another object.
    table.lines.forEach(line => this.lines.set(line[0], line));
    if (this.cursor.key === null && this.lines.has(this.cursor.place)) {
      this.cursor = { ...this.cursor, key: keyOf(this.lines.get(this.cursor.place) as Line) };
    }
    this.changed();
  };

  private begin(table: Table): void {
    this.lines = new Map();
    if (table.version !== this.version && this.version >= 0) {
      if (table.cursor !== null) {
        this.cursor = { ...this.cursor, place: table.cursor };
      } else if (this.cursor.place >= table.count) {
        this.cursor = { place: table.count - 1, key: null };
      }
      if (table.anchor !== null && this.anchor && table.anchor !== this.anchor.top) {
        const moved = (table.anchor - this.anchor.top) * ROW;
        this.anchor = { ...this.anchor, top: table.anchor };
        window.requestAnimationFrame(() => this.scrollBy(moved));
      }
    }
    this.version = table.version;
    this.height = table.height;
    this.count = table.count;
    this.cells = String(table.cells) === String(this.cells) ? this.cells : table.cells;
    this.layout = table.layout ?? this.layout;
  }
}
