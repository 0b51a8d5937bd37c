/** What somebody pasted: the id of a trace, or that of a log record, whose trace is meant. */
export type Pasted = { kind: 'trace'; id: string } | { kind: 'record'; id: string };

/**
 * Finds the id in what was pasted: an id of 32 or 16 digits, a traceparent, a link of Jaeger's, Zipkin's or this studio's, a line
 * of log with a trace_id, or the id of a log record. undefined: there is none.
 */
export function pasted(text: string): Pasted | undefined {
  const all = text.trim();
  const parent = /\b[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\b/i.exec(all);
  const long = parent?.[1] ?? /(?<![0-9a-z_])[0-9a-f]{32}(?![0-9a-z_])/i.exec(all)?.[0];
  if (long) return known(long);
  if (/^[0-9a-z]+_[0-9a-z]+$/i.test(all)) return { kind: 'record', id: all };
  const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/i.exec(all)?.[0];
  if (uuid) return known(uuid.replaceAll('-', ''));
  const short = /(?<![0-9a-z_])[0-9a-f]{16}(?![0-9a-z_])/i.exec(all)?.[0];
  return short ? known(short) : undefined;
}

/** Nothing but zeros is no id. */
const known = (id: string): Pasted | undefined => (/^0+$/.test(id) ? undefined : { kind: 'trace', id: id.toLowerCase() });
