import type { Schema } from '~/api/client';

export type LogRecord = Schema<'view-service.Record'>;

/** One value of a record, by the name that the query language has for it. */
export interface Field {
  name: string;
  value: unknown;
  /** It is one of the record's own columns, no attribute. */
  column: boolean;
}

/** The record's columns that can be asked for, in the order in which people want them. */
export const columns = ['service', 'instance', 'logger', 'level', 'trace_id', 'span_id', 'version', 'environment', 'cluster', 'namespace', 'node', 'class', 'epoch', 'seq'] as const;

const reserved = new Set<string>([...columns, 'msg', 'ts', 'trace', 'span', 'env', 'attr']);

/** What a record holds: its columns as far as they are there, then its attributes, groups joined by dots. */
export function fields(record: LogRecord): Field[] {
  const own = columns.flatMap((name): Field[] => {
    const value = record[name];
    return value === undefined || value === '' ? [] : [{ name, value, column: true }];
  });
  return [...own, ...attributes(record.attrs)];
}

/** Attributes as a flat list; the elements of a list are values of its name. */
export function attributes(value: unknown, path = ''): Field[] {
  if (value === null || value === undefined) return [];
  if (Array.isArray(value)) return value.flatMap((one) => attributes(one, path));
  if (typeof value === 'object') return Object.entries(value).flatMap(([key, one]) => attributes(one, path ? `${path}.${key}` : key));
  return path ? [{ name: path, value, column: false }] : [];
}

/** The value of a name in a record, as a text for a column; '' where it has none. */
export function valueOf(record: LogRecord, name: string): string {
  return fields(record)
    .filter((f) => f.name === name)
    .map((f) => String(f.value))
    .join(', ');
}

/** The attributes behind a message, as the command line writes them; those that have a column stand there. Long values are cut. */
export function inline(record: LogRecord, shown: string[] = []): string {
  return attributes(record.attrs)
    .filter((f) => !shown.includes(f.name))
    .slice(0, 16)
    .map((f) => `${f.name}=${cut(String(f.value))}`)
    .join(' ');
}

const cut = (value: string) => {
  const line = value.replace(/\s+/g, ' ');
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
};

/** The term that finds records with this value. */
export function term(field: Field): string {
  if (field.column) return `${field.name}${field.name === 'seq' ? '=' : ':'}${text(field.name === 'level' ? String(field.value).toLowerCase() : field.value)}`;
  const name = reserved.has(field.name) ? `attr.${field.name}` : /^[\p{L}_][\p{L}\p{N}_.-]*$/u.test(field.name) ? field.name : quote(field.name);
  return `${name}=${text(field.value)}`;
}

/** The query with the term, which must hold besides all else; out: which must not. */
export function narrowed(query: string, more: string, out = false): string {
  const wanted = out ? `-${more}` : more;
  const opposite = out ? more : `-${more}`;
  const words = query.trim();
  if (words === '') return wanted;
  const parts = split(words);
  if (parts.includes(wanted)) return words;
  if (parts.includes(opposite)) return parts.map((p) => (p === opposite ? wanted : p)).join(' ');
  return `${parts.some((p) => /^or$/i.test(p)) ? `(${words})` : words} ${wanted}`;
}

/** The query's words at its top; parentheses, quotes and regular expressions stay whole. */
function split(query: string): string[] {
  const parts: string[] = [];
  let part = '';
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < query.length; i++) {
    const c = query[i] as string;
    if (c === '\\') {
      part += c + (query[++i] ?? '');
      continue;
    }
    if (c === '"') quoted = !quoted;
    if (!quoted && c === '(') depth++;
    if (!quoted && c === ')') depth--;
    if (c === ' ' && !quoted && depth === 0) {
      if (part) parts.push(part);
      part = '';
    } else part += c;
  }
  return part ? [...parts, part] : parts;
}

/** A value as the language reads it: bare where that is safe. */
function text(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const plain = String(value);
  return /^[\p{L}\p{N}_][\p{L}\p{N}_.:+-]*$/u.test(plain) && !/^(and|or|not|null|true|false)$/i.test(plain) ? plain : quote(plain);
}

export const quote = (plain: string) => `"${plain.replace(/[\\"]/g, '\\$&')}"`;

/** A command that shows the same in a terminal. */
export function command(query: string, since: string, until?: string, follow?: boolean): string {
  const shell = (s: string) => (/^[\w.:/@%+=-]+$/.test(s) ? s : `'${s.replace(/'/g, "'\\''")}'`);
  const time = [`--since ${shell(since)}`, ...(until ? [`--until ${shell(until)}`] : [])];
  return ['signalbox logs', ...(follow ? ['-f'] : []), ...time, ...(query.trim() ? [shell(query.trim())] : [])].join(' ');
}

/** A regular expression on the message that finds what a template stands for. */
export function ofTemplate(template: string): string {
  const parts = template.split(/<(?:n|hex|uuid|ip|duration|text)>/);
  const expression = parts.map((p) => p.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('.+?');
  return `msg:/^${expression}$/`;
}
