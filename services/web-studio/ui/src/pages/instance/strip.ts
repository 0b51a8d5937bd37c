import type { Schema } from '~/api/client';
import type { Check, Instance } from '~/pages/fleet/fleet';
import { at, clock, duration } from '~/ui/format';

export type Change = Schema<'view-service.CheckChange'>;

/** A stretch of time over which a status held. Times in milliseconds. */
export interface Segment {
  from: number;
  to: number;
  /** up, degraded, down …; lost and stopped of the instance; unknown: nothing is known of that time. */
  status: string;
  error?: string;
}

/** How the instance as a whole was, between since and now. */
export function whole(instance: Instance, history: Change[], since: number, now: number): Segment[] {
  const own = history.filter((c) => c.check === '');
  const heard = Date.parse(instance.heard_at);
  if (instance.state === 'lost' && own.at(-1)?.to !== 'lost') own.push({ check: '', from: instance.health, to: 'lost', at: instance.heard_at });
  const began = instance.started_at ? Date.parse(instance.started_at) : heard;
  return cut(segments(own, { status: instance.state === 'live' ? instance.health : instance.state, since: began }, now), since, now);
}

/** How a check was; while the instance was not there, nothing is known of it. */
export function ofCheck(check: Check, history: Change[], instance: Segment[], since: number, now: number): Segment[] {
  const own = history.filter((c) => c.check === check.name);
  const all = cut(segments(own, { status: check.status, error: check.error, since: check.since ? Date.parse(check.since) : now }, now), since, now);
  return instance.filter((s) => s.status === 'lost' || s.status === 'stopped').reduce(without, all);
}

/** The stretches that changes make; before the first one it was what that one changed from, and after the last it is what it has become. */
function segments(changes: Change[], current: { status: string; error?: string; since: number }, now: number): Segment[] {
  const first = changes[0];
  if (!first) return joined([{ from: Number.NEGATIVE_INFINITY, to: current.since, status: 'unknown' }, { from: current.since, to: now, status: current.status, error: current.error }]);
  const all: Segment[] = [{ from: Number.NEGATIVE_INFINITY, to: Date.parse(first.at), status: first.from || 'unknown' }];
  changes.forEach((c, i) => {
    const next = changes[i + 1];
    all.push({ from: Date.parse(c.at), to: next ? Date.parse(next.at) : now, status: c.to, error: c.error });
  });
  return joined(all);
}

/** What follows with the same status, and nothing in between, is one. */
function joined(all: Segment[]): Segment[] {
  const out: Segment[] = [];
  for (const s of all) {
    const last = out.at(-1);
    if (s.to <= s.from) continue;
    if (last && last.status === s.status && last.to === s.from) last.to = s.to;
    else out.push({ ...s });
  }
  return out;
}

function cut(all: Segment[], since: number, now: number): Segment[] {
  return all.flatMap((s) => (s.to <= since || s.from >= now ? [] : [{ ...s, from: Math.max(s.from, since), to: Math.min(s.to, now) }]));
}

/** The same with a hole of which nothing is known. */
function without(all: Segment[], hole: Segment): Segment[] {
  return joined(
    all.flatMap((s) => {
      if (s.to <= hole.from || s.from >= hole.to) return [s];
      return [{ ...s, to: hole.from }, { ...s, from: Math.max(s.from, hole.from), to: Math.min(s.to, hole.to), status: 'unknown', error: undefined }, { ...s, from: hole.to }];
    }),
  );
}

/** The share of the known time over which it was up, in percent; undefined: nothing is known. */
export function upShare(all: Segment[]): number | undefined {
  const sum = (some: Segment[]) => some.reduce((n, s) => n + s.to - s.from, 0);
  const known = all.filter((s) => s.status !== 'unknown');
  return known.length === 0 ? undefined : (100 * sum(known.filter((s) => s.status === 'up'))) / sum(known);
}

/** 100 %, 99.97 %: never 100 where it was not. */
export function percent(share: number): string {
  if (share === 100 || share === 0) return `${share} %`;
  return `${Math.min(99.99, Math.max(0.01, share)).toFixed(share > 99 || share < 1 ? 2 : 1)} %`;
}

/** The strip in words: "up all the time", or its newest stretches. */
export function inWords(all: Segment[], now: number): string {
  const last = all.at(-1);
  if (!last) return 'nothing is known';
  const known = all.filter((s) => s.status !== 'unknown');
  const begin = last.from <= (all[0]?.from ?? 0) ? 'all the time' : `since ${clock(last.from, false, new Date(now))}`;
  const before = known.slice(0, -1).filter((s) => s.status !== 'up').slice(-3).reverse();
  return [`${last.status} ${begin}`, ...before.map((s) => `${s.status} at ${clock(s.from, false, new Date(now))} for ${duration(s.to - s.from)}${s.error ? `: ${s.error}` : ''}`)].join('; ');
}

/** A change in words. */
export function changeText(c: Change): string {
  if (c.from === c.to) return `${c.to} again: it had changed, and back, between two reports`;
  const to = c.check === '' && c.to === 'lost' ? 'not heard any more' : c.to;
  return c.from ? `${c.from} → ${to}` : c.check === '' ? `began: ${to}` : to;
}

/** The title of a stretch, for the pointer. */
export const stretch = (s: Segment) => `${s.status}, ${at(s.from)} – ${at(s.to)}${s.error ? `: ${s.error}` : ''}`;
