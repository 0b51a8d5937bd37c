// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { bytes, clock, count, duration, elapsed } from './format';

it('groups numbers', () => {
  expect([0, 999, 1000, 22595, 1234567].map(count)).toEqual(['0', '999', '1\u202f000', '22\u202f595', '1\u202f234\u202f567']);
});

it('shortens bytes', () => {
  expect([0, 999, 1000, 1234567, 5e11].map(bytes)).toEqual(['0 B', '999 B', '1.0 KB', '1.2 MB', '500 GB']);
});

it('says durations in two units at most', () => {
  expect([0.42, 850, 1234, 12_300, 59_999, 245_000, 12_000_000, 187_200_000].map(duration)).toEqual(['0.4 ms', '850 ms', '1.2 s', '12 s', '60 s', '4 min 5 s', '3 h 20 min', '2 d 4 h']);
});

it('says how long ago, and how soon', () => {
  expect([0, 4_000, 61_000, 7_300_000, 200_000_000, -61_000].map(elapsed)).toEqual(['just now', 'just now', '1 min ago', '2 h ago', '2 d ago', 'in 1 min']);
});

describe('clock', () => {
  const now = new Date(2026, 10, 22, 12);
  it('leaves the date of today out', () => expect(clock(new Date(2026, 10, 22, 9, 5, 7, 42), true, now)).toBe('09:05:07.042'));
  it('shows that of another day', () => expect(clock(new Date(2026, 10, 21, 9, 5, 7), false, now)).toBe('2026-11-21 09:05:07'));
});
