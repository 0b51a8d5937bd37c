import type { Level, Row } from './tree';
import { type Lease, targetText } from './words';

/** What a reset of a row, or of one instance in it, ends. */
export interface Reset {
  leases: Lease[];
  /** Why there is nothing to end here although something is leased. */
  why?: string;
  /** What stays in force all the same. */
  stays?: string;
}

/**
 * The leases on levels whose target is the row: of a service's own row all of the service, of a logger's those on that
 * logger. A lease on more than the row is never ended from it, and named instead. undefined: nothing is leased.
 */
export function reset(row: Row, leases: Lease[], one?: Level): Reset | undefined {
  const held = one ? (one.leased ? [one] : []) : row.held;
  const mine = leases.filter((l) => l.kind === 'level' && l.state === 'active' && l.service === row.service && (row.logger === '' || l.logger === row.logger) && (!one || (l.instance === one.instance && (l.logger ?? '') === row.logger)));
  if (held.length === 0 && mine.length === 0) return undefined;
  const others = leases.filter((l) => !mine.includes(l) && held.some((h) => h.lease_id === l.id));
  const wider = others.map((l) => targetText(l)).join('; ');
  if (mine.length > 0) return { leases: mine, stays: wider ? `Still in force: the lease on ${wider}.` : undefined };
  if (others.length > 0) return { leases: [], why: `Its level comes from the lease on ${wider}. End that one.` };
  if (held.some((h) => h.lease_id?.startsWith('local-'))) return { leases: [], why: 'It was set on the instance itself, and ends there.' };
  return { leases: [], why: 'The lease has ended; the instance has not reported since.' };
}
