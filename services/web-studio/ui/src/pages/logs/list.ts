import type { Schema } from '~/api/client';
import type { LogRecord } from './terms';

export type Gap = Schema<'view-service.Gap'>;

/** A line of the list: a record, or a hole between two of them. */
export type Row = { kind: 'record'; key: string; record: LogRecord } | { kind: 'gap'; key: string; gap: Gap };

/** How many rows are kept; what is beyond goes at the older end. */
export const most = 100_000;

/** The loaded part of the log, the newest first. Nothing comes in twice. Not for use from two places at once. */
export class LogList {
  rows: readonly Row[] = [];
  #known = new Set<string>();

  has(id: string): boolean {
    return this.#known.has(id);
  }

  /** Older ones, behind what is there, as a page of the API has them: newest first. */
  older(records: LogRecord[], gaps: Gap[] = []) {
    const fresh = this.#fresh(records);
    if (fresh.length > 0) this.rows = [...this.rows, ...fresh];
    this.gaps(gaps);
    this.#cut();
  }

  /** Newer ones, before what is there, in the order in which they came: oldest first. */
  newer(records: LogRecord[], gaps: Gap[] = []) {
    const fresh = this.#fresh(records).reverse();
    if (fresh.length > 0) this.rows = [...fresh, ...this.rows];
    this.gaps(gaps);
    this.#cut();
  }

  /** Puts holes between the records that they lie between. */
  gaps(gaps: Gap[]) {
    for (const gap of gaps) {
      const key = `gap ${gap.instance} ${gap.epoch} ${gap.class} ${gap.from_seq}`;
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      const from = Date.parse(gap.from_ts ?? gap.to_ts ?? '');
      const at = this.rows.findIndex((row) => row.kind === 'record' && Date.parse(row.record.ts) <= from);
      this.rows = this.rows.toSpliced(at < 0 ? this.rows.length : at, 0, { kind: 'gap', key, gap });
    }
  }

  #fresh(records: LogRecord[]): Row[] {
    const fresh: Row[] = [];
    for (const record of records) {
      if (this.#known.has(record.id)) continue;
      this.#known.add(record.id);
      fresh.push({ kind: 'record', key: record.id, record });
    }
    return fresh;
  }

  #cut() {
    if (this.rows.length <= most) return;
    for (const row of this.rows.slice(most)) this.#known.delete(row.key);
    this.rows = this.rows.slice(0, most);
  }
}
