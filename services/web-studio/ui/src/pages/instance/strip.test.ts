// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { Instance } from '~/pages/fleet/fleet';
import { type Change, changeText, inWords, ofCheck, percent, type Segment, upShare, whole } from './strip';

const now = Date.parse('2026-11-22T12:00:00Z');
const ago = (s: number) => new Date(now - s * 1000).toISOString();
const change = (check: string, from: string, to: string, seconds: number, error?: string): Change => ({ check, from, to, at: ago(seconds), error });
const instance = (more: Partial<Instance> = {}) => ({ state: 'live', health: 'up', heard_at: ago(1), started_at: ago(500), ...more }) as Instance;
const brief = (all: Segment[]) => all.map((s) => `${s.status} ${(now - s.from) / 1000}-${(now - s.to) / 1000}`);
const hour = now - 3_600_000;

describe('the strip of an instance', () => {
  it('is what it says where nothing has changed', () => {
    expect(brief(whole(instance({ started_at: ago(9999) }), [], hour, now))).toEqual(['up 3600-0']);
    expect(brief(whole(instance(), [], hour, now))).toEqual(['unknown 3600-500', 'up 500-0']);
  });
  it('follows the changes, and what was before the first', () => {
    expect(brief(whole(instance(), [change('', 'up', 'lost', 700), change('', '', 'up', 500)], hour, now))).toEqual(['up 3600-700', 'lost 700-500', 'up 500-0']);
    expect(brief(whole(instance(), [change('', '', 'up', 500)], hour, now))).toEqual(['unknown 3600-500', 'up 500-0']);
  });
  it('ends in a loss that nobody has told yet', () => {
    expect(brief(whole(instance({ state: 'lost', heard_at: ago(60) }), [change('', '', 'up', 500)], hour, now))).toEqual(['unknown 3600-500', 'up 500-60', 'lost 60-0']);
  });
});

describe('the strip of a check', () => {
  const db = { name: 'db', status: 'up', since: ago(300) };
  it('keeps what failed, with its error', () => {
    const all = ofCheck(db, [change('db', '', 'up', 900), change('db', 'up', 'down', 400, 'refused'), change('db', 'down', 'up', 300), change('other', 'up', 'down', 100)], [], hour, now);
    expect(brief(all)).toEqual(['unknown 3600-900', 'up 900-400', 'down 400-300', 'up 300-0']);
    expect(all[2]?.error).toBe('refused');
    expect(upShare(all)).toBeCloseTo(100 * (800 / 900));
    expect(inWords(all, now)).toMatch(/^up since .*; down at .* for 1 min 40 s: refused$/);
  });
  it('knows nothing of the time without its instance', () => {
    const lost: Segment[] = [{ from: now - 700_000, to: now - 500_000, status: 'lost' }];
    expect(brief(ofCheck({ ...db, since: ago(500) }, [change('db', '', 'up', 900), change('db', '', 'up', 500)], lost, hour, now))).toEqual(['unknown 3600-900', 'up 900-700', 'unknown 700-500', 'up 500-0']);
  });
  it('begins with its present word where there is no history', () => {
    expect(brief(ofCheck(db, [], [], hour, now))).toEqual(['unknown 3600-300', 'up 300-0']);
    expect(inWords(ofCheck({ ...db, since: ago(9999) }, [], [], hour, now), now)).toBe('up all the time');
  });
});

it('never rounds up to all', () => {
  expect([100, 99.999, 97.25, 0.001, 0].map(percent)).toEqual(['100 %', '99.99 %', '97.3 %', '0.01 %', '0 %']);
  expect(upShare([{ from: 0, to: 1, status: 'unknown' }])).toBeUndefined();
});

it('says a change', () => {
  expect(changeText(change('db', 'up', 'down', 1))).toBe('up → down');
  expect(changeText(change('db', 'up', 'up', 1))).toMatch(/^up again/);
  expect(changeText(change('', 'up', 'lost', 1))).toBe('up → not heard any more');
  expect(changeText(change('', '', 'up', 1))).toBe('began: up');
});
