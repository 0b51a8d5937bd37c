// @vitest-environment node
import { expect, it } from 'vitest';
import { due, hereText, instant, zoned } from './zone';

it('shows an instant by the clocks of a zone', () => {
  expect(zoned('2026-03-29T01:00:00Z', 'Europe/Berlin')).toBe('Sun 2026-03-29 03:00:00 +02:00');
  expect(zoned('2026-11-22T23:30:00Z', 'America/New_York')).toBe('Sun 2026-11-22 18:30:00 -05:00');
  expect(zoned('2026-11-22T00:00:00Z', '')).toBe('Sun 2026-11-22 00:00:00 +00:00');
  expect(zoned('2026-11-22T00:00:00Z', 'Mars/Olympus')).toBe('Sun 2026-11-22 00:00:00 +00:00');
});

it('reads an instant by the clocks of a zone, and with an offset as it is', () => {
  expect(instant('2026-12-24 18:00', 'Europe/Berlin')).toBe('2026-12-24T17:00:00Z');
  expect(instant('2026-03-29 12:00', 'Europe/Berlin')).toBe('2026-03-29T10:00:00Z');
  expect(instant('2026-03-29T00:30', 'Europe/Berlin')).toBe('2026-03-28T23:30:00Z');
  expect(instant('2026-12-24', 'UTC')).toBe('2026-12-24T00:00:00Z');
  expect(instant('2026-12-24T18:00:30+01:00', 'America/New_York')).toBe('2026-12-24T17:00:30Z');
  expect(instant('2026-12-24t17:00:00z', 'Europe/Berlin')).toBe('2026-12-24T17:00:00Z');
});

it('says a due time as short as it can be said, and what it is here', () => {
  expect(due('2026-11-23T01:00:00Z', 'Europe/Berlin')).toBe('Mon 2026-11-23 02:00 +01:00');
  expect(due('2026-11-23T01:00:20Z', 'Europe/Berlin')).toBe('Mon 2026-11-23 02:00:20 +01:00');
  expect(hereText('2026-11-23T01:00:00Z', 'Europe/Berlin', 'UTC')).toBe('01:00');
  expect(hereText('2026-11-22T23:30:00Z', 'Europe/Berlin', 'UTC')).toBe('Sun 23:30');
  expect(hereText('2026-11-22T23:30:00Z', 'Europe/Berlin', 'Europe/Vienna')).toBe('');
});

it('reads nothing else', () => {
  for (const text of ['', 'soon', '2026-02-31', '2026-12-24 25:00', '12:00']) expect(instant(text, 'UTC'), text).toBeUndefined();
});
