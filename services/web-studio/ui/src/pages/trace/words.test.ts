// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { example } from './example';
import { beginning, bounds, command, headline, recordQuery, sentence, services, storeName } from './words';

const id = example.trace_id;

it('tells the trace in a sentence', () => {
  expect(headline(example)).toBe('40 ms, 4 services, 5 spans, 4 log lines; 2 spans failed');
  expect(headline({ ...example, spans: [], records: [] })).toBe('40 ms, 0 services, 0 spans, 0 log lines');
});

it('tells what it began with', () => {
  expect(beginning(example)).toBe('gateway GET /api/catalogs/v1/types');
  expect(beginning({ ...example, spans: (example.spans ?? []).slice(4) })).toBeUndefined();
});

it('names services in the order in which they come', () => expect(services(example)).toEqual(['gateway', 'catalogs', 'notification', 'billing']));

it('bounds the time by spans, or else by lines', () => {
  expect(bounds(example).total).toBe(40_000);
  expect(bounds({ ...example, spans: [] }).total).toBe(34_000);
  expect(bounds({ ...example, spans: [], records: [] })).toEqual({ start: 0, total: 0 });
});

describe('what is missing', () => {
  it.each([
    [{ part: 'spans', reason: 'not_configured', detail: 'x' } as const, 'Spans are not shown: nobody has said where they are kept.'],
    [{ part: 'spans', reason: 'unreachable', detail: 'the trace store cannot be asked: timeout' } as const, 'The trace store cannot be asked: timeout.'],
    [{ part: 'spans', reason: 'partial', detail: 'parents of spans are not there' } as const, 'Not all spans are there: parents of spans are not there.'],
  ])('is a sentence', (missing, text) => expect(sentence(missing)).toBe(text));
});

it('puts query and level together', () => {
  expect([recordQuery(), recordQuery('a or b'), recordQuery('', 'warn'), recordQuery(' a or b ', 'warn')]).toEqual([undefined, 'a or b', 'level>=warn', '(a or b) level>=warn']);
});

it('says the same as a command', () => {
  expect(command(id)).toBe(`signalbox trace ${id}`);
  expect(command(id, '', 'warn')).toBe(`signalbox trace ${id} --level warn`);
  expect(command(id, `"it's"`, 'warn')).toBe(`signalbox logs 'trace:${id} ("it'\\''s") level>=warn'`);
  expect(command(id, 'a or b')).toBe(`signalbox logs 'trace:${id} (a or b)'`);
});

it('knows whose page a link is', () => {
  expect([`http://h:16686/trace/${id}`, `https://h/jaeger/trace/${id}`, `http://h:9411/zipkin/traces/${id}`, `https://tempo.example/${id}?tab=1`].map(storeName)).toEqual(['Jaeger', 'Jaeger', 'Zipkin', 'the trace store']);
});
