import { columns } from './terms';

/** What is being written at the caret: the beginning of a field's name, or of its value. */
export interface Place {
  kind: 'name' | 'value';
  /** Of a value: whose. */
  field: string;
  /** What is there so far. */
  prefix: string;
  /** Where the prefix stands in the query. */
  from: number;
  to: number;
}

/** Fields that every record may have; 'msg' and 'ts' besides the columns. */
export const known: readonly string[] = ['level', 'service', 'logger', 'msg', 'instance', 'trace', ...columns.filter((c) => !['level', 'service', 'logger', 'instance', 'trace_id'].includes(c)), 'ts'];

export const levels = ['debug', 'info', 'warn', 'error'];

/** Finds what can be completed; undefined: nothing, as within quotes. */
export function place(query: string, caret: number): Place | undefined {
  const before = query.slice(0, caret);
  if ((before.match(/(?<!\\)"/g)?.length ?? 0) % 2 === 1) return undefined;
  const value = /(?:^|[\s(])-?([\p{L}_][\p{L}\p{N}_.-]*)(?::|!=|>=|<=|=|>|<)([^\s"()/]*)$/u.exec(before);
  if (value) {
    const prefix = value[2] ?? '';
    return { kind: 'value', field: value[1] ?? '', prefix, from: caret - prefix.length, to: caret };
  }
  const name = /(?:^|[\s(])-?([\p{L}_][\p{L}\p{N}_.-]*)?$/u.exec(before);
  if (!name) return undefined;
  const prefix = name[1] ?? '';
  return { kind: 'name', field: '', prefix, from: caret - prefix.length, to: caret };
}

/** Names that the beginning may become, those of attributes too; a name that is whole already is none. */
export function names(prefix: string, attributes: Iterable<string>): string[] {
  const all = new Set([...known, ...attributes]);
  const low = prefix.toLowerCase();
  return [...all].filter((n) => n.toLowerCase().startsWith(low) && n !== prefix).slice(0, 12);
}

/** The operator that follows a name: levels, numbers and times are compared, the rest is equal. */
export const operator = (name: string) => (name === 'level' ? '>=' : name === 'ts' ? '>=' : known.includes(name) ? ':' : '=');

/** The query with the place filled, and where the caret is then. */
export function fill(query: string, at: Place, text: string): { query: string; caret: number } {
  const filled = at.kind === 'name' ? text + operator(text) : `${text} `;
  const rest = query.slice(at.to).replace(/^ /, at.kind === 'value' ? '' : ' ');
  return { query: query.slice(0, at.from) + filled + rest, caret: at.from + filled.length };
}
