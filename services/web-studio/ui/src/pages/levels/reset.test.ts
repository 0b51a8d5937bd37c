import { expect, it } from 'vitest';
import { reset } from './reset';
import { build, type Level } from './tree';
import type { Lease } from './words';

const lease = (id: string, rest: Partial<Lease>): Lease => ({ id, revision: 1, kind: 'level', value: 'DEBUG', owner: 'o', reason: 'r', state: 'active', created_at: '', remaining_ms: 1, ...rest });
const level = (logger: string, lease_id?: string): Level => ({ service: 'catalogs', instance: 'catalogs-1', logger, configured: 'INFO', effective: lease_id ? 'DEBUG' : 'INFO', leased: lease_id && 'DEBUG', lease_id });
const rowOf = (logger: string, lease_id?: string) => {
  const [service] = build([level('', lease_id), level(logger || 'catalogs.pg', lease_id)]);
  if (!service) throw new Error('no service');
  const row = logger === '' ? service.root : service.loggers.find((l) => l.logger === logger);
  if (!row) throw new Error(`no ${logger}`);
  return row;
};

it('ends all of a service from its own row, and of a logger its own', () => {
  const all = [lease('a', { service: 'catalogs' }), lease('b', { service: 'catalogs', logger: 'catalogs.pg' }), lease('c', { service: 'gateway' })];
  expect(reset(rowOf('', 'a'), all)?.leases.map((l) => l.id)).toEqual(['a', 'b']);
  expect(reset(rowOf('catalogs.pg', 'b'), all)?.leases.map((l) => l.id)).toEqual(['b']);
});

it('never ends what is wider, and says what it is', () => {
  expect(reset(rowOf('', 'a'), [lease('a', {})])).toEqual({ leases: [], why: 'Its level comes from the lease on all services. End that one.' });
  expect(reset(rowOf('catalogs.pg', 'a'), [lease('a', { service: 'catalogs' })])?.why).toContain('the lease on catalogs.');
  expect(reset(rowOf('', 'a'), [lease('a', {}), lease('b', { service: 'catalogs' })])).toMatchObject({ leases: [{ id: 'b' }], stays: 'Still in force: the lease on all services.' });
});

it('ends for one instance what is for that instance', () => {
  const row = rowOf('', 'a');
  const all = [lease('a', { service: 'catalogs', instance: 'catalogs-1' }), lease('b', { service: 'catalogs' })];
  expect(reset(row, all, row.levels[0])?.leases.map((l) => l.id)).toEqual(['a']);
});

it('leaves alone what nobody leased, and what was set on the spot', () => {
  expect(reset(rowOf(''), [])).toBeUndefined();
  expect(reset(rowOf('', 'local-1'), [])?.why).toContain('on the instance itself');
});
