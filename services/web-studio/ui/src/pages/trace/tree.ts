import type { Schema } from '~/api/client';
import { levelRank } from '~/ui/level';
import { micros } from './time';

export type Trace = Schema<'view-service.Trace'>;
export type Span = Schema<'view-service.TraceSpan'>;
export type TraceRecord = Schema<'view-service.TraceRecord'>;
export type Gap = Schema<'view-service.Gap'>;

/** A span with all that is inside it, in the order of time. */
export interface Branch {
  kind: 'span';
  key: string;
  at: number;
  span: Span;
  inside: Item[];
  /** Spans that failed and records of ERROR anywhere below. */
  errors: number;
  /** Spans and records anywhere below. */
  size: number;
}

export type Item = Branch | { kind: 'record'; key: string; at: number; record: TraceRecord } | { kind: 'gap'; key: string; at: number; gap: Gap };

/** What of a trace is drawn: its roots, and what stands in no span. */
export interface Tree {
  roots: Item[];
  /** Records, and holes in the log, of which no span is known. They stand at the top where there are no spans at all. */
  loose: Item[];
}

/** Puts records and holes into their spans. The API gives each span before those below it. */
export function build(trace: Pick<Trace, 'spans' | 'records' | 'gaps'>): Tree {
  const branches = new Map<string, Branch>();
  const roots: Item[] = [];
  const loose: Item[] = [];
  for (const span of trace.spans ?? []) {
    const branch: Branch = { kind: 'span', key: `s ${span.key}`, at: micros(span.start), span, inside: [], errors: 0, size: 0 };
    branches.set(span.key, branch);
    ((span.under !== undefined && branches.get(span.under)?.inside) || roots).push(branch);
  }
  for (const record of trace.records ?? []) {
    const item: Item = { kind: 'record', key: `r ${record.id}`, at: micros(record.ts), record };
    ((record.span !== undefined && branches.get(record.span)?.inside) || loose).push(item);
  }
  for (const gap of trace.gaps ?? []) {
    const from = gap.from_ts ?? gap.to_ts;
    const item: Item = { kind: 'gap', key: `g ${gap.instance} ${gap.epoch} ${gap.class} ${gap.from_seq}`, at: from ? micros(from) : 0, gap };
    (holder(branches, gap)?.inside ?? loose).push(item);
  }
  for (const branch of [...branches.values()].reverse()) settle(branch); // what is below comes first
  roots.sort(byTime);
  loose.sort(byTime);
  return { roots, loose };
}

/** The first span of the instance whose records are missing; a record that is not there could have been in any of them. */
function holder(branches: Map<string, Branch>, gap: Gap): Branch | undefined {
  const own = [...branches.values()].filter((b) => b.span.service === gap.service);
  return own.find((b) => b.span.instance === gap.instance) ?? own.find((b) => !b.span.instance);
}

function settle(branch: Branch) {
  branch.inside.sort(byTime);
  for (const item of branch.inside) {
    branch.size += 1 + (item.kind === 'span' ? item.size : 0);
    branch.errors += (failed(item) ? 1 : 0) + (item.kind === 'span' ? item.errors : 0);
  }
}

const byTime = (a: Item, b: Item) => a.at - b.at;

/** A span that failed, or a record of ERROR and above. */
export const failed = (item: Item) => (item.kind === 'span' ? Boolean(item.span.error) : item.kind === 'record' && levelRank(item.record.level) === 'ERROR');

/** One line of the drawn tree. */
export interface Row {
  key: string;
  /** From 1 on, as ARIA counts. */
  level: number;
  /** Among those beside it, from 1 on. */
  place: number;
  beside: number;
  /** undefined: nothing is inside. */
  open?: boolean;
  item: Item | { kind: 'loose'; key: string; size: number };
}

export const looseKey = 'loose';

/** The lines that are seen, from above to below; what is in `closed` keeps its inside to itself. */
export function rows(tree: Tree, closed: ReadonlySet<string>): Row[] {
  const out: Row[] = [];
  const whole = tree.roots.length === 0;
  const walk = (items: Item[], level: number, extra = 0) => {
    items.forEach((item, i) => {
      const open = item.kind === 'span' && item.inside.length > 0 ? !closed.has(item.key) : undefined;
      out.push({ key: item.key, level, place: i + 1, beside: items.length + extra, open, item });
      if (open && item.kind === 'span') walk(item.inside, level + 1);
    });
  };
  const group = !whole && tree.loose.length > 0;
  walk(tree.roots, 1, group ? 1 : 0);
  if (whole) walk(tree.loose, 1);
  if (group) {
    const open = !closed.has(looseKey);
    out.push({ key: looseKey, level: 1, place: tree.roots.length + 1, beside: tree.roots.length + 1, open, item: { kind: 'loose', key: looseKey, size: tree.loose.length } });
    if (open) walk(tree.loose, 2);
  }
  return out;
}

/** All that can be closed. */
export function closable(tree: Tree): string[] {
  const keys: string[] = tree.roots.length > 0 && tree.loose.length > 0 ? [looseKey] : [];
  const walk = (items: Item[]) => {
    for (const item of items) {
      if (item.kind !== 'span' || item.inside.length === 0) continue;
      keys.push(item.key);
      walk(item.inside);
    }
  };
  walk(tree.roots);
  return keys;
}

/** The ways to what failed, from above to below: the keys above each, and its own last. */
export function failures(tree: Tree): string[][] {
  const ways: string[][] = [];
  const walk = (items: Item[], way: string[]) => {
    for (const item of items) {
      if (failed(item)) ways.push([...way, item.key]);
      if (item.kind === 'span' && item.errors > 0) walk(item.inside, [...way, item.key]);
    }
  };
  walk(tree.roots, []);
  walk(tree.loose, tree.roots.length > 0 ? [looseKey] : []);
  return ways;
}

/** What a span spent itself, in microseconds: without the time in which spans below it lasted. */
export function ownTime(branch: Branch): number {
  const end = branch.at + branch.span.duration_us;
  let own = branch.span.duration_us;
  let covered = branch.at;
  for (const item of branch.inside) {
    if (item.kind !== 'span') continue;
    const from = Math.max(covered, item.at);
    const to = Math.min(end, item.at + item.span.duration_us);
    if (to > from) {
      own -= to - from;
      covered = to;
    }
  }
  return own;
}
