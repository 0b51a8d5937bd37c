// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { bars, type Counts, heights, stretch } from './bars';

const counts: Counts = {
  since: '', until: '', records: 6, step_seconds: 60, levels: {}, gaps: [{ instance: 'a', service: 'a', epoch: '', class: 'info', cause: '', from_seq: 1, from_ts: '2026-11-22T12:01:10Z', to_ts: '2026-11-22T12:01:20Z' }],
  buckets: [
    { from: '2026-11-22T12:00:00Z', levels: { INFO: 2, 'INFO+2': 1, 'ERROR+4': 1 } },
    { from: '2026-11-22T12:01:00Z' },
    { from: '2026-11-22T12:02:00Z', levels: { DEBUG: 2 } },
  ],
};
const all = bars(counts);

it('counts levels with an offset as the named one', () => {
  expect(all.map((b) => [b.total, b.gap])).toEqual([[4, false], [0, true], [2, false]]);
  expect(all[0]?.levels).toEqual({ DEBUG: 0, INFO: 3, WARN: 0, ERROR: 1 });
});

describe('the brush', () => {
  it('takes whole columns, in either direction', () => {
    expect(stretch(all, 0.9, 0.4)).toEqual({ since: '2026-11-22T12:01:00.000Z', until: '2026-11-22T12:03:00.000Z' });
    expect(stretch(all, -1, 2)).toEqual({ since: '2026-11-22T12:00:00.000Z', until: '2026-11-22T12:03:00.000Z' });
  });
  it('takes one column with a click', () => expect(stretch(all, 0.5, 0.5)).toEqual({ since: '2026-11-22T12:01:00.000Z', until: '2026-11-22T12:02:00.000Z' }));
  it('takes nothing where nothing is', () => expect(stretch([], 0, 1)).toBeUndefined());
});

it('shows one error among a million', () => {
  const bar = { from: 0, to: 1, gap: false, total: 1_000_001, levels: { DEBUG: 0, INFO: 1_000_000, WARN: 0, ERROR: 1 } };
  const drawn = heights(bar, bar.total);
  expect(drawn.ERROR).toBeGreaterThan(0.03);
  expect(drawn.INFO + drawn.ERROR).toBeLessThanOrEqual(1);
});
