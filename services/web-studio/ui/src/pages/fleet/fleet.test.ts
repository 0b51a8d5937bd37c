// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { condition, type Instance, rows, sharing, sum } from './fleet';

const now = Date.parse('2026-11-22T12:00:00Z');
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

const one = (instance: string, more: Partial<Instance> = {}): Instance =>
  ({ service: instance.replace(/-\d+$/, ''), instance, state: 'live', health: 'up', version: 'v1', address: '127.0.0.1:1', heard_at: ago(1), started_at: ago(600), checks: [], drift: [], ...more }) as Instance;

const names = (all: Instance[]) => all.map((i) => i.instance);

describe('rows', () => {
  const all = [
    one('catalogs-10'),
    one('catalogs-2', { usage: { memory_bytes: 10, goroutines: 4, heap_bytes: 1, cpu_seconds: 1 } }),
    one('identity-1', { state: 'stopped' }),
    one('gateway-1', { health: 'degraded', checks: [{ name: 'upstream-catalogs', status: 'down' }], usage: { memory_bytes: 30, goroutines: 2, heap_bytes: 1, cpu_seconds: 1 } }),
    one('scheduler-1'),
    one('scheduler-2', { state: 'lost', heard_at: ago(20) }),
    one('scheduler-0', { state: 'lost', heard_at: ago(3600) }),
    one('view-service-1', { drift: [{ what: 'level', want: 'INFO', have: 'DEBUG', since: ago(5) }], version: 'v10' }),
  ];
  it('has what is wrong first, with the others of its service, and what is gone last', () => {
    expect(names(rows(all, {}, now))).toEqual(['scheduler-2', 'scheduler-1', 'scheduler-0', 'gateway-1', 'catalogs-2', 'catalogs-10', 'view-service-1', 'identity-1']);
  });
  it('finds by name, version, health and failing check, all words', () => {
    expect(names(rows(all, { q: 'catalogs' }, now))).toEqual(['gateway-1', 'catalogs-2', 'catalogs-10']);
    expect(names(rows(all, { q: 'LOST sched' }, now))).toEqual(['scheduler-2']);
    expect(rows(all, { q: 'nobody' }, now)).toEqual([]);
  });
  it('shows a part', () => {
    expect(names(rows(all, { show: 'troubled' }, now))).toEqual(['scheduler-2', 'gateway-1', 'view-service-1']);
    expect(names(rows(all, { show: 'gone' }, now))).toEqual(['scheduler-0', 'identity-1']);
    expect(rows(all, { show: 'running' }, now)).toHaveLength(5);
  });
  it('sorts; what says nothing stands last either way', () => {
    expect(names(rows(all, { order: { by: 'memory', desc: true } }, now)).slice(0, 2)).toEqual(['gateway-1', 'catalogs-2']);
    expect(names(rows(all, { order: { by: 'memory', desc: false } }, now)).slice(0, 2)).toEqual(['catalogs-2', 'gateway-1']);
    expect(names(rows(all, { order: { by: 'version', desc: true } }, now))[0]).toBe('view-service-1');
    expect(names(rows(all, { order: { by: 'health', desc: true } }, now))[0]).toBe('identity-1');
  });
});

it('says how an instance is', () => {
  expect(condition(one('a-1', { health: 'degraded' }), now)).toBe('degraded');
  expect(condition(one('a-1', { state: 'lost', heard_at: ago(599) }), now)).toBe('lost');
  expect(condition(one('a-1', { state: 'lost', heard_at: ago(601) }), now)).toBe('gone');
  expect(condition(one('a-1', { state: 'stopped' }), now)).toBe('stopped');
});

it('counts a shared process once', () => {
  const usage = (process: string, memory_bytes: number) => ({ usage: { process, memory_bytes, heap_bytes: 0, goroutines: 1, cpu_seconds: 0 } });
  const all = [one('a-1', usage('h/1', 100)), one('b-1', usage('h/1', 101)), one('b-2', usage('h/2', 50)), one('c-1', { ...usage('h/1', 100), state: 'lost' })];
  expect(sum(all)).toEqual({ running: 3, services: 2, processes: 2, memory: 151, shared: true });
  expect(names(sharing(all[0] as Instance, all))).toEqual(['b-1']);
  expect(sharing(all[2] as Instance, all)).toEqual([]);
});
