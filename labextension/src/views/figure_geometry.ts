/** Where things are in a figure, and how its numbers read: no DOM, no widgets. */

/** One axis: values `low` to `high` over `size` pixels, from the left or from below. */
export interface Span {
  low: number;
  high: number;
  log: boolean;
  size: number;
}

export type Values = ArrayLike<number>;

export function across(axis: Span, value: number): number {
  if (axis.log) {
    return (axis.size * Math.log(value / axis.low)) / Math.log(axis.high / axis.low);
  }
  return (axis.size * (value - axis.low)) / (axis.high - axis.low);
}

export function upwards(axis: Span, value: number): number {
  return axis.size - across(axis, value);
}

export function valueAt(axis: Span, pixel: number): number {
  const part = pixel / axis.size;
  return axis.log ? axis.low * Math.pow(axis.high / axis.low, part) : axis.low + part * (axis.high - axis.low);
}

/** The place of the last point that is drawn, of those from `begin` to `end`; -1 when none is. */
export function lastDrawn(ys: Values, begin = 0, end = ys.length): number {
  for (let i = end - 1; i >= begin; i--) {
    if (Number.isFinite(ys[i])) {
      return i;
    }
  }
  return -1;
}

/** The drawn point nearest to the pixel (px, py): among ascending x the one nearest in x; -1 when none is near. */
export function nearest(xs: Values, ys: Values, x: Span, y: Span, px: number, py: number, begin = 0, end = xs.length): number {
  if (end - begin < 1) {
    return -1;
  }
  const value = valueAt(x, px);
  let low = begin;
  let high = end - 1;
  if (xs[low] > xs[high]) {
    low = high = -1;
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < value) {
      low = middle;
    } else {
      high = middle;
    }
  }
  // A column of pixels holds two points: of those around, the one nearest in both directions.
  let best = -1;
  let least = Infinity;
  const [from, to] = low < 0 ? [begin, end] : [Math.max(begin, low - 2), Math.min(end, high + 3)];
  for (let i = from; i < to; i++) {
    const far = Math.hypot(across(x, xs[i]) - px, (upwards(y, ys[i]) - py) / 50);
    if (far < least) {
      least = far;
      best = i;
    }
  }
  return best;
}

/** Heights of labels that want to be at `wanted`, moved so that none lies on another and all are in 0 to `size`. */
export function apart(wanted: number[], gap: number, size: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const found = wanted.slice();
  let free = gap / 2;
  for (const i of order) {
    found[i] = Math.max(free, wanted[i]);
    free = found[i] + gap;
  }
  free = size + gap / 2;
  for (const i of order.reverse()) {
    found[i] = Math.min(found[i], free - gap);
    free = found[i];
  }
  return found;
}

let ruler: CanvasRenderingContext2D | null = null;

/** The text, cut with "…" where it would be wider than `room` pixels in this font. */
export function fit(text: string, room: number, font: string): string {
  ruler = ruler ?? document.createElement('canvas').getContext('2d');
  if (!ruler) {
    return text;
  }
  ruler.font = font;
  if (ruler.measureText(text).width <= room) {
    return text;
  }
  const signs = Array.from(text);
  while (signs.length && ruler.measureText(signs.join('').trimEnd() + '…').width > room) {
    signs.pop();
  }
  return signs.join('').trimEnd() + '…';
}

/** Four significant digits: 7.214, 67.01, 0.0004120, 1.204e7, nan, inf. */
export function number(value: number): string {
  if (Number.isNaN(value)) {
    return 'nan';
  }
  if (!Number.isFinite(value)) {
    return value > 0 ? 'inf' : '-inf';
  }
  if (Number.isInteger(value) && Math.abs(value) < 10000) {
    return String(value);
  }
  const [mantissa, exponent] = value.toExponential(3).split('e');
  const power = Number(exponent);
  return power < -4 || power > 5 ? `${mantissa}e${power}` : value.toFixed(Math.max(0, 3 - power));
}

/** A time with two units: 1 h 2 min, 3 min 20 s, 12 s. */
export function duration(seconds: number): string {
  if (Math.abs(seconds) < 10) {
    return `${number(seconds)} s`;
  }
  const whole = Math.round(seconds);
  const units: [number, string, number, string][] = [
    [86400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's']
  ];
  for (const [unit, name, below, small] of units) {
    if (whole >= unit) {
      const rest = Math.floor((whole % unit) / below);
      return `${Math.floor(whole / unit)} ${name}${rest ? ` ${rest} ${small}` : ''}`;
    }
  }
  return `${whole} s`;
}
