// @vitest-environment node
import { expect, it } from 'vitest';
import type { Fire } from '~/pages/schedules/words';
import { steps } from './steps';

const fire: Fire = { id: 'a.b@1', schedule: 'a.b', service: 'a', due: '2026-11-22T02:00:00Z', planned_at: '2026-11-22T02:00:00.004Z', state: 'done' };
const shown = (f: Partial<Fire>) => steps({ ...fire, ...f }).map((s) => [s.name, s.after].filter(Boolean).join(' '));

it('tells each step, and how long it took', () => {
  expect(shown({ published_at: '2026-11-22T02:00:00.024Z', received_at: '2026-11-22T02:00:01.024Z', ended_at: '2026-11-22T02:01:31.024Z' })).toEqual(['Due', 'Planned 4 ms later', 'Published 20 ms later', 'Received 1.0 s later', 'Done 1 min 30 s later']);
});

it('tells what was left out, run by hand and backfilled as what it is', () => {
  expect(shown({ state: 'skipped', reason: 'paused', ended_at: '2026-11-22T02:00:01Z' })).toEqual(['Due', 'Left out 4 ms later']);
  expect(shown({ state: 'published', manual: true, published_at: '2026-11-22T02:00:00.01Z' })).toEqual(['Asked for', 'Published 10 ms later']);
  expect(shown({ state: 'waiting', manual: true, backfill: 'x', planned_at: '2026-11-22T03:00:00Z' })).toEqual(['Due', 'Put into the ledger 1 h later']);
});
