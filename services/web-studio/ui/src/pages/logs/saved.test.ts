// @vitest-environment node
import { expect, it } from 'vitest';
import { toKeep, toShow } from './saved';

it('keeps how far back, in hours', () => {
  expect([toKeep({ since: '15m' }), toKeep({ since: '7d' }), toKeep({ since: '1w' }), toKeep({ since: '1h30m' })]).toEqual(['15m', '168h', '168h', '1h30m']);
});

it('keeps no time that is over', () => {
  expect(toKeep({ since: '2026-11-22T12:00:00Z' })).toBeUndefined();
  expect(toKeep({ since: '1h', until: '2026-11-22T12:00:00Z' })).toBeUndefined();
});

it('shows what it kept', () => expect([toShow('168h'), toShow('24h'), toShow('15m'), toShow(), toShow('36h')]).toEqual(['7d', '24h', '15m', '1h', '36h']));
