import { quote } from '~/pages/logs/terms';
import { count } from '~/ui/format';
import { micros, took } from './time';
import type { Span, Trace } from './tree';

type Missing = NonNullable<Trace['missing']>[number];

const many = (n: number, one: string) => `${count(n)} ${one}${n === 1 ? '' : 's'}`;

/** "40 ms, 3 services, 12 spans, 34 records, 2 of them errors": the trace in a sentence. */
export function headline(trace: Trace): string {
  const spans = (trace.spans ?? []).filter((s) => !s.strays);
  const records = trace.records ?? [];
  const bad = spans.filter((s) => s.error).length;
  const parts = [took(trace.duration_us), many(services(trace).length, 'service'), many(spans.length, 'span'), many(records.length, 'log line')];
  return `${parts.join(', ')}${bad > 0 ? `; ${many(bad, 'span')} failed` : ''}`;
}

/** What it began with: "gateway POST /api/catalogs/"; undefined: that is not known. */
export function beginning(trace: Trace): string | undefined {
  const root = (trace.spans ?? []).find((s) => s.depth === 0 && !s.strays && !s.hidden && !s.orphan);
  return root && `${root.service ?? ''} ${spanName(root)}`.trim();
}

/** The services of a trace in the order in which they come, which is that of their colours. */
export function services(trace: Pick<Trace, 'spans' | 'records'>): string[] {
  return [...new Set([...(trace.spans ?? []), ...(trace.records ?? [])].flatMap((one) => (one.service ? [one.service] : [])))];
}

/** What a span is called. */
export function spanName(span: Span): string {
  if (span.strays) return 'Spans whose parents are not there';
  if (span.hidden) return 'A service that you may not see';
  return span.name || 'A span without a name';
}

/** What is not there, as a sentence. */
export function sentence({ reason, detail }: Missing): string {
  if (reason === 'not_configured') return 'Spans are not shown: nobody has said where they are kept.';
  const text = reason === 'partial' ? `not all spans are there: ${detail}` : detail;
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`;
}

/** What may come yet, if it is asked for again. */
export const mayCome = (trace: Trace) => (trace.missing ?? []).some((m) => m.reason === 'sampled_out' || m.reason === 'partial' || m.reason === 'unreachable');

/** The query for records: what somebody wrote, and the level. */
export function recordQuery(q = '', level = ''): string | undefined {
  const own = q.trim();
  const bound = level ? `level>=${level}` : '';
  if (!own || !bound) return own || bound || undefined;
  return `(${own}) ${bound}`;
}

/** Whose page a link leads to, as far as its form tells. */
export function storeName(link: string): string {
  const path = link.replace(/^[a-z]+:\/\/[^/]+/i, '');
  return /\/zipkin\/traces?\//.test(path) ? 'Zipkin' : /^(.*\/)?(jaeger\/.*|trace\/[0-9a-f]+)$/.test(path) ? 'Jaeger' : 'the trace store';
}

/** The same in a terminal; a query has no flag there, and shows the log lines alone. */
export function command(id: string, q = '', level = ''): string {
  if (q.trim()) {
    const terms = [`trace:${id}`, `(${q.trim()})`, ...(level ? [`level>=${level}`] : [])];
    return `signalbox logs '${terms.join(' ').replace(/'/g, `'\\''`)}'`;
  }
  return `signalbox trace ${id}${level ? ` --level ${level}` : ''}`;
}

/** The query that finds the records of a span. */
export const spanQuery = (trace: string, span: Span) => `trace:${trace} span:${span.span_id}`;

export const instanceQuery = (instance: string) => `instance:${/^[\w.-]+$/.test(instance) ? instance : quote(instance)}`;

/** When the trace began, and how long it took, in microseconds: that of all that is drawn, also of lines that came after the last span. */
export function bounds(trace: Trace): { start: number; total: number } {
  const spans = (trace.spans ?? []).map((s) => [micros(s.start), micros(s.start) + s.duration_us] as const);
  const records = (trace.records ?? []).map((r) => [micros(r.ts), micros(r.ts)] as const);
  const all = spans.length > 0 ? spans : records;
  if (all.length === 0) return { start: 0, total: 0 };
  const start = all.reduce((least, [from]) => Math.min(least, from), Number.POSITIVE_INFINITY);
  const end = all.reduce((most, [, to]) => Math.max(most, to), 0);
  return { start, total: end - start };
}
