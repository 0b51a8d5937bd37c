// @vitest-environment node
import { expect, it } from 'vitest';
import { fireText, inWords, type Recent, reasons, stateText, tally, written } from './words';

it('says how a fire stands, and why', () => {
  expect(stateText({ state: 'done' })).toBe('done');
  expect(stateText({ state: 'failed', reason: 'deadline' })).toBe('failed: took too long');
  expect(stateText({ state: 'skipped', reason: 'no-leader' })).toBe('left out: no scheduler led');
  expect(stateText({ state: 'waiting', reason: 'overlap' })).toBe('waits for the one before');
  expect(stateText({ state: 'received' })).toBe('running');
});

it('knows a sentence for every reason', () => {
  for (const [name, why] of Object.entries(reasons)) expect(why.what, name).toMatch(/^[A-Z].*\.$/);
});

it('shows a timing as it is written', () => {
  expect(written({ cron: '0 2 * * *' })).toBe('0 2 * * *');
  expect(written({ every_seconds: 5 })).toBe('every 5 s');
  expect(written({ every_seconds: 5400, anchor: '2026-11-21T08:05:00Z' })).toBe('every 1 h 30 min from 2026-11-21T08:05:00Z');
  expect(written({ calendar: ['2026-12-24 18:00', '2026-12-31 18:00'] })).toBe('2026-12-24 18:00, and 1 more');
  expect(written({ at: '2026-12-24T17:00:00Z' })).toBe('at 2026-12-24T17:00:00Z');
  expect(written({})).toBe('never');
});

it('says a timing without the zone that stands beside it', () => {
  expect(inWords({ text: 'at 02:00, Monday to Friday, Europe/Berlin; not on 2026-12-25', time_zone: 'Europe/Berlin' })).toBe('at 02:00, Monday to Friday; not on 2026-12-25');
  expect(inWords({ text: 'every minute' })).toBe('every minute');
});

it('sums up the last fires', () => {
  const due = new Date(2026, 10, 22, 2).toISOString();
  const fires: Recent[] = [
    { id: 'c', due, state: 'published' },
    { id: 'b', due, state: 'skipped', reason: 'paused', missed: 12 },
    { id: 'a', due, state: 'done', manual: true, duration_ms: 1200 },
  ];
  expect(tally(fires)).toBe('1 done, 1 left out, 1 under way');
  expect(fires.map(fireText)).toEqual(['published, due 2026-11-22 02:00:00', 'left out: paused, due 2026-11-22 02:00:00, 12 due times', 'done, by hand 2026-11-22 02:00:00, took 1.2 s']);
});
