// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { area, begin, cpu, line, nearest, place, points, type Sample, withNow } from './spark';

const now = Date.parse('2026-11-22T12:00:00Z');
const sample = (secondsAgo: number, cpu_seconds: number, memory_bytes = 50): Sample => ({ at: new Date(now - secondsAgo * 1000).toISOString(), cpu_seconds, memory_bytes, heap_bytes: 5, goroutines: 3 });

it('makes a share of a core from seconds, and none over a restart or a hole', () => {
  const all = cpu([sample(330, 1), sample(300, 4), sample(270, 0.5), sample(240, 2), sample(60, 3)]);
  expect(all.map((p) => [(now - p.at) / 1000, p.value])).toEqual([[300, 10], [240, 5]]);
});

it('ends with what the instance takes now', () => {
  const usage = { memory_bytes: 60, heap_bytes: 6, goroutines: 4, cpu_seconds: 9 };
  expect(withNow([sample(30, 1)], usage, new Date(now).toISOString())).toHaveLength(2);
  expect(withNow([sample(0, 1)], usage, new Date(now).toISOString())).toHaveLength(1);
  expect(withNow([sample(30, 1)], undefined, new Date(now).toISOString())).toHaveLength(1);
});

it('shows what there is: two minutes at least, an hour at most', () => {
  const since = (secondsAgo: number) => (now - begin([{ at: now - secondsAgo * 1000, value: 1 }], now)) / 60_000;
  expect([30, 1200, 9999].map(since)).toEqual([2, 20, 60]);
  expect((now - begin([], now)) / 60_000).toBe(2);
});

describe('the line', () => {
  const all = points([sample(600, 0, 50), sample(570, 0, 100), sample(300, 0, 25), sample(0, 0, 0)], 'memory_bytes');
  const pieces = place(all, now - 600_000, now, 600, 110);
  it('leaves out what the machine does not say, and breaks at a hole', () => {
    expect(pieces.map((p) => p.map((x) => x.point.value))).toEqual([[50, 100], [25]]);
    expect(line(pieces[0] ?? [])).toBe('M0.0 60.0L30.0 10.0');
    expect(area(pieces[0] ?? [], 110)).toBe('M0.0 60.0L30.0 10.0L30.0 110.0L0.0 110.0Z');
    expect(area([], 110)).toBe('');
  });
  it('is found by the pointer', () => {
    expect(nearest(pieces, 100)?.point.value).toBe(100);
    expect(nearest([], 200)).toBeUndefined();
  });
});
