import type { Schema } from '~/api/client';

export type Instance = Schema<'view-service.Instance'>;

export interface Check {
  name: string;
  /** up, down, unknown; what down means for the instance is its weight's to say. */
  status: string;
  error?: string;
  /** What it asks after: a service, postgresql …; none: the instance itself. */
  node?: string;
  since?: string;
  weight?: string;
}

export interface Logger {
  /** None: the root. */
  name?: string;
  configured: string;
  leased?: string;
  effective: string;
}

/** What the API tells of checks and loggers has the form that instances report it in. */
export const checks = (i: Pick<Instance, 'checks'>) => (Array.isArray(i.checks) ? (i.checks as Check[]) : []);
export const loggers = (i: Pick<Instance, 'loggers'>) => (Array.isArray(i.loggers) ? (i.loggers as Logger[]) : []);

/** How an instance is, in a word: its health while it is heard, else lost, gone (for so long that it will not come back), stopped. */
export function condition(i: Pick<Instance, 'state' | 'health' | 'heard_at'>, now: number): string {
  if (i.state === 'lost' && now - Date.parse(i.heard_at) > gone) return 'gone';
  return i.state === 'live' ? i.health : i.state;
}

const gone = 10 * 60_000; // milliseconds; the mesh calls no cause what is silent for longer

export type Show = 'all' | 'running' | 'troubled' | 'gone';

/** What can be chosen, with its name. */
export const shows: Record<Show, string> = { all: 'All instances', running: 'Running', troubled: 'In trouble', gone: 'Stopped or gone' };

export type SortKey = 'health' | 'service' | 'version' | 'uptime' | 'memory' | 'goroutines';

export interface Order {
  by: SortKey;
  desc: boolean;
}

const away = (c: string) => c === 'stopped' || c === 'gone';
const rank = ['lost', 'down', 'out_of_service', 'draining', 'unknown', 'degraded', 'up', 'gone', 'stopped'];
const ranked = (c: string) => (rank.includes(c) ? rank.indexOf(c) : rank.indexOf('unknown'));

/** In trouble: not well, or not as it should be. */
const troubled = (i: Instance, c: string) => !away(c) && (c !== 'up' || (i.drift ?? []).length > 0);

/** The instances that are asked for, in their order: what is wrong first, and the others of its service behind it; those that are gone last. */
export function rows(all: Instance[], { q = '', show = 'all', order = { by: 'health', desc: false } }: { q?: string; show?: Show; order?: Order }, now: number): Instance[] {
  const words = q.trim().toLowerCase().split(/\s+/);
  const is = new Map(all.map((i) => [i, condition(i, now)]));
  const found = all.filter((i) => {
    const c = is.get(i) as string;
    if (show === 'running' && i.state !== 'live') return false;
    if (show === 'troubled' && !troubled(i, c)) return false;
    if (show === 'gone' && !away(c)) return false;
    const text = [i.service, i.instance, i.version, i.address, c, ...checks(i).flatMap((x) => (x.status === 'up' ? [] : [x.name]))].join(' ').toLowerCase();
    return words.every((w) => text.includes(w));
  });
  const worst = new Map<string, number>();
  for (const i of found) worst.set(i.service, Math.min(worst.get(i.service) ?? rank.length, ranked(is.get(i) as string)));
  const byName = (a: Instance, b: Instance) => a.service.localeCompare(b.service) || a.instance.localeCompare(b.instance, undefined, { numeric: true });
  const byHealth = (a: Instance, b: Instance) => (worst.get(a.service) ?? 0) - (worst.get(b.service) ?? 0) || a.service.localeCompare(b.service) || ranked(is.get(a) as string) - ranked(is.get(b) as string);
  const values: Record<SortKey, (i: Instance) => number | string | undefined> = {
    health: () => undefined,
    service: (i) => i.service,
    version: (i) => i.version,
    uptime: (i) => (i.state === 'live' && i.started_at ? now - Date.parse(i.started_at) : undefined),
    memory: (i) => i.usage?.memory_bytes || undefined,
    goroutines: (i) => i.usage?.goroutines || undefined,
  };
  const by = order.by === 'health' ? byHealth : compare(values[order.by], order.desc);
  return found.sort((a, b) => (order.by === 'health' && order.desc ? -by(a, b) : by(a, b)) || byName(a, b));
}

/** What has no value stands last either way. */
function compare(value: (i: Instance) => number | string | undefined, desc: boolean) {
  return (a: Instance, b: Instance): number => {
    const [x, y] = [value(a), value(b)];
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
    const ahead = typeof x === 'string' ? x.localeCompare(String(y), undefined, { numeric: true }) : x - Number(y);
    return desc ? -ahead : ahead;
  };
}

/** How many run, of how many services and processes, and what these take: a process that several share counts once. */
export function sum(all: Instance[]): { running: number; services: number; processes: number; memory: number; shared: boolean } {
  const live = all.filter((i) => i.state === 'live');
  const processes = new Map(live.map((i) => [i.usage?.process || i.instance, i.usage?.memory_bytes ?? 0]));
  return {
    running: live.length,
    services: new Set(live.map((i) => i.service)).size,
    processes: processes.size,
    memory: [...processes.values()].reduce((a, b) => a + b, 0),
    shared: processes.size < live.length,
  };
}

/** The others in the same process. */
export const sharing = (one: Instance, all: Instance[]) => (one.usage?.process ? all.filter((i) => i !== one && i.instance !== one.instance && i.state === 'live' && i.usage?.process === one.usage?.process) : []);
