// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { Schema } from '~/api/client';
import { byService, headline, lastDeploy } from './summary';

type Instance = Schema<'view-service.Instance'>;

const instance = (service: string, more: Partial<Instance> = {}): Instance => ({
  service, instance: `${service}-1`, state: 'live', health: 'up', version: 'v1', address: '', private: '', environment: '', epoch: '', heard_at: '', pid: 1, level: 'INFO',
  checks: [], leases: [], loggers: [], revision: 0, drift: [], ...more,
} as Instance);

describe('byService', () => {
  it('puts what is wrong first', () => {
    const rows = byService([
      instance('catalogs'), instance('identity', { health: 'degraded' }), instance('scheduler', { state: 'lost' }),
      instance('scheduler', { state: 'stopped' }), instance('catalogs', { version: 'v2', drift: [{ what: 'level', have: 'INFO', want: 'DEBUG', since: '' }] }),
    ]);
    expect(rows.map((r) => [r.service, r.health, r.live, r.lost])).toEqual([['scheduler', 'down', 0, 1], ['identity', 'degraded', 1, 0], ['catalogs', 'up', 2, 0]]);
    expect(rows[2]).toMatchObject({ versions: ['v1', 'v2'], drifting: 1 });
  });
  it('leaves out what was stopped on purpose', () => expect(byService([instance('catalogs', { state: 'stopped' })])).toEqual([]));
});

describe('lastDeploy', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  it('is when the newest version began', () => {
    const all = [instance('a', { started_at: '2026-11-22T08:00:00Z' }), instance('a', { version: 'v2', started_at: '2026-11-22T10:00:30Z' }), instance('a', { version: 'v2', started_at: '2026-11-22T11:00:00Z' })];
    expect(lastDeploy(all, now)).toBe('2026-11-22T10:00:00.000Z');
  });
  it('is an hour ago where the last one is long past, or none is known', () => {
    expect(lastDeploy([instance('a', { started_at: '2026-11-01T08:00:00Z' })], now)).toBe('2026-11-22T11:00:00.000Z');
    expect(lastDeploy([], now)).toBe('2026-11-22T11:00:00.000Z');
  });
});

it('says the mesh in a sentence', () => {
  expect(headline(byService([instance('a')]), 0)).toBe('All is well: 1 service, 1 instance.');
  expect(headline(byService([instance('a'), instance('b')]), 2)).toBe('2 things are wrong, among 2 services, 2 instances.');
});
