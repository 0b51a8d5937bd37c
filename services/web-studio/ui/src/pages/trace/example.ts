import type { Gap, Span, Trace, TraceRecord } from './tree';

// For tests: a request that fails in the database, a service that may not be seen, and a message whose parent is not there.

const at = (ms: number) => `2026-11-21T13:02:11.${String(ms * 1000).padStart(6, '0')}Z`;

export const span = (key: string, under: string | undefined, from: number, took: number, more: Partial<Span> = {}): Span => ({ key, span_id: key, under, depth: 0, start: at(from), duration_us: took * 1000, service: 'catalogs', instance: 'catalogs-1', name: `GET ${key}`, kind: 'server', ...more });

export const record = (id: string, ms: number, more: Partial<TraceRecord> = {}): TraceRecord => ({ id, ts: at(ms), level: 'INFO', service: 'catalogs', instance: 'catalogs-1', logger: 'catalogs', msg: `line ${id}`, attrs: {}, ...more });

const gap: Gap = { service: 'catalogs', instance: 'catalogs-1', epoch: 'e', class: 'info', from_seq: 5, to_seq: 16, from_ts: at(13), to_ts: at(20), cause: 'spool full' };

export const example: Trace = {
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  start: at(0),
  duration_us: 40_000,
  links: { trace: 'http://jaeger/trace/4bf92f3577b34da6a3ce929d0e0e4736' },
  spans: [
    span('a', undefined, 0, 40, { service: 'gateway', instance: 'gateway-1', name: 'GET /api/catalogs/v1/types', error: true }),
    span('h', 'a', 1, 1, { hidden: true, service: undefined, name: undefined }),
    span('b', 'a', 10, 20, { earlier_us: 1500 }),
    span('c', 'b', 15, 10, { name: 'INSERT types', kind: 'client', error: true, attributes: { 'otel.status_description': 'deadlock found' } }),
    span('strays', undefined, 35, 1, { strays: true, span_id: undefined, service: undefined, name: undefined }),
    span('d', 'strays', 35, 1, { service: 'notification', name: 'process mail', kind: 'consumer', orphan: true, parent_id: 'x' }),
  ],
  records: [
    record('1', 5, { span: 'a', service: 'gateway', msg: 'request', attrs: { route: '/types' } }),
    record('2', 12, { span: 'b', level: 'DEBUG', msg: 'before the query' }),
    record('3', 26, { span: 'b', level: 'ERROR', msg: 'insert failed' }),
    record('4', 39, { service: 'billing', level: 'WARN', msg: 'nobody’s' }),
  ],
  gaps: [gap],
  missing: [{ part: 'spans', reason: 'partial', detail: 'parents of spans are not there' }],
};
