import { describe, expect, it } from 'vitest';
import { build, filter, type Level } from './tree';

const level = (instance: string, logger: string, leased?: string, lease_id?: string): Level => ({
  service: instance.replace(/-\d+$/, ''),
  instance,
  logger,
  configured: 'INFO',
  leased,
  effective: leased ?? 'INFO',
  lease_id,
});

const levels = [
  level('catalogs-1', '', 'DEBUG', 'a'),
  level('catalogs-2', ''),
  level('catalogs-1', 'catalogs.store', 'DEBUG', 'a'),
  level('catalogs-2', 'catalogs.store', 'WARN', 'b'),
  level('catalogs-1', 'catalogs.store.cache'),
  level('gateway-1', ''),
  level('gateway-1', 'gateway.http'),
];

describe('build', () => {
  const [catalogs, gateway] = build(levels);
  it('has a row for each service and logger, instances together', () => {
    expect([catalogs?.service, gateway?.service]).toEqual(['catalogs', 'gateway']);
    expect(catalogs?.instances).toEqual(['catalogs-1', 'catalogs-2']);
    expect(catalogs?.loggers.map((l) => [l.key, l.depth])).toEqual([
      ['catalogs:catalogs.store', 1],
      ['catalogs:catalogs.store.cache', 2],
    ]);
  });
  it('says where instances differ, and which leases make it', () => {
    expect(catalogs?.root).toMatchObject({ configured: 'INFO', leased: 'DEBUG', effective: 'DEBUG, INFO', mixed: true });
    expect(catalogs?.loggers[0]?.held.map((l) => l.lease_id)).toEqual(['a', 'b']);
    expect(gateway?.root).toMatchObject({ leased: undefined, effective: 'INFO', mixed: false });
    expect([catalogs?.changed, gateway?.changed]).toEqual([2, 0]);
  });
});

describe('filter', () => {
  const all = build(levels);
  const names = (f: Parameters<typeof filter>[1]) => filter(all, f).flatMap((s) => [s.service, ...s.loggers.map((l) => l.logger)]);
  it('finds loggers, services and instances', () => {
    expect(names({ q: 'CACHE' })).toEqual(['catalogs', 'catalogs.store.cache']);
    expect(names({ q: 'gateway' })).toEqual(['gateway', 'gateway.http']);
    expect(names({ q: 'catalogs-2' })).toEqual(['catalogs', 'catalogs.store']);
    expect(names({ q: 'nobody' })).toEqual([]);
  });
  it('takes one service, or what is changed alone', () => {
    expect(names({ service: 'gateway' })).toEqual(['gateway', 'gateway.http']);
    expect(names({ changed: true })).toEqual(['catalogs', 'catalogs.store']);
  });
});
