// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { command, fields, inline, type LogRecord, narrowed, ofTemplate, term, valueOf } from './terms';

const record: LogRecord = {
  id: 'x', ts: '2026-11-22T12:00:00Z', level: 'WARN+2', service: 'catalogs', instance: 'catalogs-1', logger: 'catalogs.store', msg: 'slow', trace_id: '4bf9', seq: 7,
  attrs: { user_id: 42, http: { status: 503, path: '/api/v1' }, tag: ['old', 'new'], service: 'foreign', 'odd: key': 'a "b"', none: null },
};

it('lists what a record holds, by the names of the query language', () => {
  expect(fields(record).map((f) => `${f.name}=${f.value}`)).toEqual([
    'service=catalogs', 'instance=catalogs-1', 'logger=catalogs.store', 'level=WARN+2', 'trace_id=4bf9', 'seq=7',
    'user_id=42', 'http.status=503', 'http.path=/api/v1', 'tag=old', 'tag=new', 'service=foreign', 'odd: key=a "b"',
  ]);
  expect(valueOf(record, 'tag')).toBe('old, new');
  expect(valueOf(record, 'nothing')).toBe('');
});

it('writes attributes behind the message', () => {
  expect(inline(record, ['tag', 'odd: key', 'service'])).toBe('user_id=42 http.status=503 http.path=/api/v1');
  expect(inline({ ...record, attrs: { sql: `select\n  ${'x'.repeat(200)}` } })).toMatch(/^sql=select x+…$/);
});

it('makes terms that mean the value', () => {
  expect(fields(record).map(term)).toEqual([
    'service:catalogs', 'instance:catalogs-1', 'logger:catalogs.store', 'level:warn+2', 'trace_id:4bf9', 'seq=7',
    'user_id=42', 'http.status=503', 'http.path="/api/v1"', 'tag=old', 'tag=new', 'attr.service=foreign', '"odd: key"="a \\"b\\""',
  ]);
});

describe('narrowed', () => {
  it('adds a term', () => expect(narrowed('', 'a=1')).toBe('a=1'));
  it('that must hold besides all else', () => expect(narrowed('x or "y or z"', 'a=1')).toBe('(x or "y or z") a=1'));
  it('leaves quotes and parentheses alone', () => expect(narrowed('(x or y) "a or b"', 'a=1', true)).toBe('(x or y) "a or b" -a=1'));
  it('adds nothing twice', () => expect(narrowed('x a=1', 'a=1')).toBe('x a=1'));
  it('turns what was left out into what is wanted', () => expect(narrowed('x -a=1 y', 'a=1')).toBe('x a=1 y'));
});

it('writes the command for a shell', () => {
  expect(command(`level>=warn "it's"`, '1h')).toBe(`signalbox logs --since 1h 'level>=warn "it'\\''s"'`);
  expect(command('', '2026-11-22T12:00:00Z', '2026-11-22T13:00:00Z')).toBe('signalbox logs --since 2026-11-22T12:00:00Z --until 2026-11-22T13:00:00Z');
  expect(command('service:catalogs', '1h', undefined, true)).toBe('signalbox logs -f --since 1h service:catalogs');
});

it('finds what a template stands for', () => {
  expect(ofTemplate('GET /api/<text> took <duration> (<n>)')).toBe('msg:/^GET \\/api\\/.+? took .+? \\(.+?\\)$/');
});
