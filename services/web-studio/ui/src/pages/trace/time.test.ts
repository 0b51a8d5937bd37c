// @vitest-environment node
import { expect, it } from 'vitest';
import { micros, place, ticks, took } from './time';

it('keeps microseconds', () => {
  expect(micros('2026-11-21T13:02:11.000001Z') - micros('2026-11-21T13:02:11Z')).toBe(1);
  expect(micros('2026-11-21T14:02:11.5+01:00')).toBe(Date.UTC(2026, 10, 21, 13, 2, 11, 500) * 1000);
  expect(micros('2026-11-21T13:02:11.123456789Z') - micros('2026-11-21T13:02:11.123456Z')).toBeCloseTo(0.789, 0);
});

it('says durations in three digits', () => {
  expect([0, 300, 1_234, 20_000, 350_400, 1_250_000, 59_900_000, 125_000_000].map(took)).toEqual(['0 µs', '300 µs', '1.23 ms', '20 ms', '350 ms', '1.25 s', '59.9 s', '2 min 5 s']);
});

it('places a time within that of the trace', () => {
  const start = micros('2026-11-21T13:02:11Z');
  expect(place('2026-11-21T13:02:11.01Z', 20_000, start, 40_000)).toEqual({ left: 25, width: 50 });
  expect(place('2026-11-21T13:02:10.99Z', 90_000, start, 40_000)).toEqual({ left: 0, width: 100 });
  expect(place('2026-11-21T13:02:12Z', 0, start, 40_000)).toEqual({ left: 100, width: 0 });
  expect(place('2026-11-21T13:02:11Z', 0, start, 0)).toEqual({ left: 0, width: 0 });
});

it('marks quarters', () => expect(ticks(40_000).map((t) => t.text)).toEqual(['0', '10 ms', '20 ms', '30 ms', '40 ms']));
