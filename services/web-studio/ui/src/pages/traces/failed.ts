import type { LogRecord } from '~/pages/logs/terms';

/** A trace in which something was said at ERROR. */
export interface Failed {
  id: string;
  /** Of its newest error. */
  ts: string;
  msg: string;
  /** Who said errors in it, the newest first. */
  services: string[];
  errors: number;
}

/** The traces of records, the newest first, as the records are. Records of no trace are left out. */
export function failed(records: LogRecord[]): Failed[] {
  const found = new Map<string, Failed>();
  for (const r of records) {
    if (!r.trace_id) continue;
    const known = found.get(r.trace_id);
    if (!known) {
      found.set(r.trace_id, { id: r.trace_id, ts: r.ts, msg: r.msg, services: [r.service], errors: 1 });
      continue;
    }
    known.errors++;
    if (!known.services.includes(r.service)) known.services.push(r.service);
  }
  return [...found.values()];
}
