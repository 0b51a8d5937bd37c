import type { Schema } from '~/api/client';

export type Sample = Schema<'view-service.Sample'>;

/** A value at a time in milliseconds. */
export interface Point {
  at: number;
  value: number;
}

/** Milliseconds; samples that lie farther apart have a hole between them: the instance was not there. */
const hole = 100_000;

/** What an instance took, with what it takes now: the newest sample is up to half a minute old. */
export function withNow(samples: Sample[], usage: Schema<'view-service.Usage'> | undefined, heardAt: string): Sample[] {
  const last = samples.at(-1);
  if (!usage || (last && Date.parse(heardAt) - Date.parse(last.at) < 1_000)) return samples;
  return [...samples, { ...usage, at: heardAt }];
}

/** One of what a sample tells. A machine that does not say has no points. */
export const points = (samples: Sample[], value: 'memory_bytes' | 'heap_bytes' | 'goroutines'): Point[] => samples.flatMap((s) => (s[value] > 0 ? [{ at: Date.parse(s.at), value: s[value] }] : []));

/** The share of one core, in percent, between each two samples; none over a restart, with which the count begins anew. */
export function cpu(samples: Sample[]): Point[] {
  return samples.slice(1).flatMap((s, i) => {
    const before = samples[i] as Sample;
    const [from, to] = [Date.parse(before.at), Date.parse(s.at)];
    if (to - from < 1_000 || to - from > hole || s.cpu_seconds < before.cpu_seconds) return [];
    return [{ at: to, value: (100_000 * (s.cpu_seconds - before.cpu_seconds)) / (to - from) }];
  });
}

/** From when a chart begins: what there is, two minutes at least, an hour at most. */
export function begin(all: Point[], now: number): number {
  const first = all[0]?.at ?? now;
  return Math.min(now - 120_000, Math.max(first, now - 3_600_000));
}

export interface Place {
  x: number;
  y: number;
  point: Point;
}

/** The points on a field so wide and high, in pieces between the holes; at the bottom is 0, at the top a tenth above the most. */
export function place(all: Point[], since: number, now: number, width: number, height: number): Place[][] {
  const most = Math.max(...all.map((p) => p.value), 0) * 1.1 || 1;
  const pieces: Place[][] = [];
  let last: Point | undefined;
  for (const point of all) {
    if (point.at < since) continue;
    const one = { x: (width * (point.at - since)) / (now - since), y: height * (1 - point.value / most), point };
    if (!last || point.at - last.at > hole) pieces.push([]);
    pieces.at(-1)?.push(one);
    last = point;
  }
  return pieces;
}

const pair = ({ x, y }: { x: number; y: number }) => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** A piece as the path of a line. */
export const line = (piece: Place[]): string => piece.map((p, i) => `${i === 0 ? 'M' : 'L'}${pair(p)}`).join('');

/** The same as a field down to the bottom. */
export function area(piece: Place[], height: number): string {
  const [first, last] = [piece[0], piece.at(-1)];
  return first && last ? `${line(piece)}L${pair({ x: last.x, y: height })}L${pair({ x: first.x, y: height })}Z` : '';
}

/** The place that is nearest to x. */
export function nearest(pieces: Place[][], x: number): Place | undefined {
  return pieces.flat().reduce<Place | undefined>((best, p) => (!best || Math.abs(p.x - x) < Math.abs(best.x - x) ? p : best), undefined);
}
