import type { Schema } from '~/api/client';
import { levelRank, type LevelName } from '~/ui/level';

export type Counts = Schema<'view-service.Histogram'>;

export const order: LevelName[] = ['DEBUG', 'INFO', 'WARN', 'ERROR'];

/** A column of the histogram: how many records of each level, from when to when. */
export interface Bar {
  from: number;
  to: number;
  levels: Record<LevelName, number>;
  total: number;
  /** Records are missing from it. */
  gap: boolean;
}

/** The columns of an answer; levels with an offset count as the named one below them. */
export function bars(counts: Counts): Bar[] {
  const step = counts.step_seconds * 1000;
  return (counts.buckets ?? []).map((bucket) => {
    const from = Date.parse(bucket.from);
    const levels = { DEBUG: 0, INFO: 0, WARN: 0, ERROR: 0 };
    for (const [level, n] of Object.entries(bucket.levels ?? {})) levels[levelRank(level)] += n;
    const total = order.reduce((sum, level) => sum + levels[level], 0);
    const gap = (counts.gaps ?? []).some((g) => Date.parse(g.from_ts ?? g.to_ts ?? '') < from + step && Date.parse(g.to_ts ?? g.from_ts ?? '') >= from);
    return { from, to: from + step, levels, total, gap };
  });
}

/** The time between two places of a chart (0 to 1 of its width), whole columns, in RFC 3339; undefined: it is no stretch. */
export function stretch(all: Bar[], a: number, b: number): { since: string; until: string } | undefined {
  const first = all[Math.floor(Math.max(0, Math.min(a, b)) * all.length)];
  const last = all[Math.min(all.length - 1, Math.floor(Math.min(0.999999, Math.max(a, b)) * all.length))];
  if (!first || !last) return undefined;
  return { since: new Date(first.from).toISOString(), until: new Date(last.to).toISOString() };
}

/** The height of a level in a column of the height 1; one that is there is always seen, be it one error among a million. */
export function heights(bar: Bar, most: number): Record<LevelName, number> {
  const share = most === 0 ? 0 : bar.total / most;
  const seen = order.filter((level) => bar.levels[level] > 0);
  const least = 0.04; // of the chart: a level that is there is seen
  const heights = { DEBUG: 0, INFO: 0, WARN: 0, ERROR: 0 };
  for (const level of seen) heights[level] = Math.max(least, (bar.levels[level] / bar.total) * share);
  const sum = seen.reduce((n, level) => n + heights[level], 0);
  if (sum > 1) for (const level of seen) heights[level] /= sum;
  return heights;
}
