// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { chosen, type Edge, errorText, flows, flowText, headline, latencyText, type Lease, type MeshNode, nodeText, rateText, rulesOf, sizeText } from './model';

const edge = (source: string, destination: string, more: Partial<Edge> = {}): Edge => ({ source, destination, protocol: 'http', rate: 1, errors: 0, p50_ms: 2, p99_ms: 9, open: 0, ...more });
const node = (name: string, more: Partial<MeshNode> = {}): MeshNode => ({ name, kind: 'service', health: 'up', live: 1, lost: 0, versions: [], failing: [], ...more });
const lease = (more: Partial<Lease>): Lease => ({ id: '1', revision: 1, kind: 'policy', value: {}, owner: 'o', reason: 'r', state: 'active', created_at: '', remaining_ms: 1, ...more });

describe('connections', () => {
  it('are one for each pair, whatever the protocols', () => {
    const [one, ...more] = flows([edge('a', 'b', { rate: 3, errors: 0.5, p99_ms: 4 }), edge('a', 'b', { protocol: 'grpc', p50_ms: 7 })]);
    expect(more).toEqual([]);
    expect(one).toMatchObject({ key: 'a>b', rate: 4, errors: 0.375, p50: 7, p99: 9, state: 'failing' });
  });

  it.each([
    [{ errors: 0.005 }, 'well'],
    [{ errors: 0.01 }, 'warning'],
    [{ errors: 0.5 }, 'failing'],
    [{ rate: 0, p50_ms: 0, p99_ms: 0, open: 1 }, 'failing'],
    [{ rate: 0, errors: 1 }, 'failing'],
  ])('%j is %s', (figures, state) => expect(flows([edge('a', 'b', figures)])[0]?.state).toBe(state));

  it('are idle while nothing passes and nothing is wrong', () => {
    expect(flows([edge('a', 'b', { rate: 0 }), edge('a', 'c', { rate: 0, open: 1 }), edge('a', 'd')]).map((f) => f.idle)).toEqual([true, false, false]);
  });

  it('are sentences for who does not see them', () => {
    expect(flows([edge('a', 'b', { rate: 142, errors: 0.25, p50_ms: 3.12, p99_ms: 48.2 })]).map(flowText)).toEqual(['a to b: 142 calls per second, 25 % of them fail, p50 3.1 ms, p99 48 ms']);
    expect(flows([edge('a', 'b', { rate: 0, p50_ms: 0, p99_ms: 0, open: 2 })]).map(flowText)).toEqual(['a to b: nothing passes, breaker open on 2']);
  });
});

it('writes figures as they are read', () => {
  expect([0, 0.004, 0.333, 11.16, 142.4, 12_345].map(rateText)).toEqual(['idle', '<0.01/s', '0.33/s', '11.2/s', '142/s', '12\u202f345/s']);
  expect([0, 0.0002, 0.004, 0.25, 1].map(errorText)).toEqual(['', '<0.1 %', '0.4 %', '25 %', '100 %']);
  expect([0, 0.348, 1.75, 48.2, 2500].map(latencyText)).toEqual(['—', '0.35 ms', '1.8 ms', '48 ms', '2.5 s']);
});

it('says of a node what it is', () => {
  expect(sizeText(node('a', { live: 2, lost: 1 }))).toBe('2 instances, 1 lost');
  expect(nodeText(node('postgresql', { kind: 'dependency', health: 'down' }), true)).toBe('postgresql, server, down, root cause of what fails');
});

it('says what is wrong in a sentence', () => {
  expect(headline([node('a'), node('b')], flows([edge('a', 'b')]))).toBe('All is well: 2 nodes, 1 connections.');
  expect(headline([node('a', { health: 'degraded' }), node('b', { health: 'down' })], flows([edge('a', 'b', { open: 1 })]))).toBe('A, b are not well; calls fail on 1 of 1 connections; a breaker is open.');
});

it('shows what is chosen', () => {
  const topology = { at: '', nodes: [node('a'), node('b'), node('postgresql', { kind: 'dependency' })], edges: [edge('a', 'b', { rate: 0 }), edge('a', 'postgresql'), edge('a', 'hidden')] };
  const keys = (c: Parameters<typeof chosen>[1]) => chosen(topology, c).flows.map((f) => f.key);
  expect(keys({})).toEqual(['a>postgresql']);
  expect(keys({ idle: true })).toEqual(['a>b', 'a>postgresql']);
  expect(keys({ services: true, idle: true })).toEqual(['a>b']);
});

it('knows the leases that hold on a connection', () => {
  const all = [
    lease({ id: 'own', service: 'a', value: { destination: 'b' } }),
    lease({ id: 'all', value: {} }),
    lease({ id: 'fault', kind: 'fault', service: 'a', value: { destination: 'b' } }),
    lease({ id: 'other', service: 'a', value: { destination: 'c' } }),
    lease({ id: 'theirs', service: 'b', value: { destination: 'b' } }),
    lease({ id: 'over', service: 'a', value: { destination: 'b' }, state: 'expired' }),
    lease({ id: 'level', kind: 'level', service: 'a', value: 'DEBUG' }),
  ];
  expect(rulesOf(all, 'a', 'b').map((l) => l.id)).toEqual(['own', 'all', 'fault']);
});
