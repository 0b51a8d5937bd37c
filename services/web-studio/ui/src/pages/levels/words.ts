import type { Schema } from '~/api/client';
import { bytes, count } from '~/ui';

export type Lease = Schema<'view-service.Lease'>;
export type Outcome = Schema<'view-service.Outcome'>;
export type Kind = Lease['kind'];

/** What the kinds are called where people read. */
export const kindNames: Record<Kind, string> = {
  level: 'Level',
  debug: 'Targeted debug',
  blackbox: 'Black box',
  sampling: 'Sampling',
  profile: 'Profile',
  window: 'Maintenance window',
  policy: 'Policy of calls',
  fault: 'Fault in calls',
};

/** A value as text: DEBUG, or user 42, level DEBUG. What is empty says nothing and is left out. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  return Object.entries(value)
    .map(([key, part]): string => {
      if (part === '' || part === 0 || part === false || part === null) return '';
      if (typeof part === 'object') {
        const { name, value: said } = part as { name?: string; value?: string };
        if (key === 'header' && name) return `header ${name}: ${said}`;
        const inner = valueText(part);
        return inner && `${key} (${inner})`;
      }
      return part === true ? key : `${key.replace(/_/g, ' ')} ${part}`;
    })
    .filter((text) => text !== '')
    .join(', ');
}

/** What a lease does, in short: "DEBUG", "user 42, level DEBUG", "index is rebuilt". */
export function whatText(lease: Pick<Lease, 'kind' | 'value'>): string {
  const parts = typeof lease.value === 'object' ? (lease.value as Record<string, unknown>) : undefined;
  if (lease.kind === 'window' && parts) return String(parts.message ?? '');
  if (lease.kind === 'profile' && parts) return `${parts.profile}${parts.before ? ' of what was before its end' : ''}, ${parts.seconds} s`;
  if (lease.kind === 'sampling' && !parts) return `${valueText(lease.value)} of the traces`;
  return valueText(lease.value);
}

/** For whom: "catalogs.store on catalogs-1", "catalogs", "all services". */
export function targetText(to: { service?: string; instance?: string; logger?: string }): string {
  const where = to.instance || to.service || 'all services';
  return to.logger ? `${to.logger} on ${where}` : where;
}

/** "20 000 lines, 5.0 MB on each instance". */
export function budgetText(budget?: Lease['budget']): string {
  const parts = [budget?.lines ? `${count(budget.lines)} lines` : '', budget?.bytes ? bytes(budget.bytes) : ''].filter(Boolean);
  return parts.length > 0 ? `${parts.join(' or ')} on each instance` : '';
}

/** Reads 20000, 20000 lines, 5MB or 512KiB; undefined: it is none of them. */
export function parseBudget(text: string): Lease['budget'] {
  const [, number, unit = ''] = /^\s*(\d[\d_ ]*(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? [];
  const n = Number(number?.replace(/[_ ]/g, ''));
  if (number === undefined || !(n >= 1)) return undefined;
  const name = unit.toLowerCase();
  if (['', 'line', 'lines'].includes(name)) return { lines: Math.floor(n) };
  const [, prefix, binary] = /^([kmg]?)(i?)b$/.exec(name) ?? [];
  if (prefix === undefined || (binary && !prefix)) return undefined;
  const power = ['', 'k', 'm', 'g'].indexOf(prefix);
  return { bytes: Math.floor(n * (binary ? 1024 : 1000) ** power) };
}

/** Milliseconds of 15m, 2h, 1h30m or 1d; undefined: it is no time to live. */
export function parseTtl(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(w|d|h|ms|m|s))+$/.test(text.trim())) return undefined;
  const unit: Record<string, number> = { w: 604_800_000, d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
  let sum = 0;
  for (const [, n, name] of text.matchAll(/(\d+(?:\.\d+)?)(w|d|h|ms|m|s)/g)) sum += Number(n) * (unit[name ?? ''] ?? 0);
  return sum >= 1_000 ? sum : undefined;
}

/** What comes after the lease is dropped, to say before it is. */
export function afterDrop(lease: Lease): string {
  const where = targetText(lease);
  switch (lease.kind) {
    case 'level':
      return `${where} goes back to what is configured, or to the next lease that holds there. Lines that were written stay.`;
    case 'debug':
      return 'No new request is picked out, and those under way are picked out no longer, in every service that they touch.';
    case 'window':
      return `${where} is in service again, and gets new requests, unless another window is open.`;
    case 'profile':
      return (lease.value as { before?: boolean }).before ? `${where} keeps what was in the last seconds, and brings it in.` : `${where} ends the capture now; what it has so far is marked as cut.`;
    case 'fault':
      return `Calls of ${where} are let through as they are.`;
    default:
      return `${where} goes back to what is configured, or to the next lease that holds there.`;
  }
}

const quote = (text: string) => (/^[\w./:@+-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`);

/** The same as a command line; undefined: the kind has no command that says all of it. */
export function command(lease: Pick<Lease, 'kind' | 'service' | 'instance' | 'logger' | 'value' | 'budget' | 'keep' | 'reason'>, ttl?: string): string | undefined {
  const parts = typeof lease.value === 'object' ? (lease.value as Record<string, unknown>) : {};
  const flag = (name: string, value: unknown) => (value ? ` --${name} ${quote(String(value))}` : '');
  const to = quote(lease.service || 'all');
  const where = flag('instance', lease.instance);
  const hold = lease.keep ? ' --keep' : flag('ttl', ttl);
  const limit = flag('budget', lease.budget?.lines ?? (lease.budget?.bytes ? `${lease.budget.bytes}B` : ''));
  const why = flag('reason', lease.reason);
  switch (lease.kind) {
    case 'level':
      return `signalbox level set ${to} ${String(lease.value).toLowerCase()}${flag('logger', lease.logger)}${where}${limit}${hold}${why}`;
    case 'debug': {
      const header = parts.header as { name: string; value: string } | undefined;
      const who = ['user', 'tenant', 'route', 'trace'].map((name) => flag(name, parts[name])).join('');
      const level = String(parts.level ?? 'DEBUG') === 'DEBUG' ? '' : flag('level', String(parts.level).toLowerCase());
      return `signalbox debug${who}${header?.name ? flag('header', `${header.name}=${header.value}`) : ''}${level}${limit}${hold}${why}`;
    }
    case 'window':
      return `signalbox window open ${to}${where}${flag('message', parts.message === lease.reason ? '' : parts.message)}${hold}${why}`;
    case 'profile':
      return `signalbox profile ${parts.profile} ${to}${where}${parts.before ? ' --before' : ''} --for ${parts.seconds}s${why}`;
    default:
      return undefined;
  }
}
