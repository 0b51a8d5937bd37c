import type { Schema } from '~/api/client';

type Instance = Schema<'view-service.Instance'>;

export interface ServiceRow {
  service: string;
  live: number;
  lost: number;
  /** The worst of its live instances; down when none is live. */
  health: string;
  versions: string[];
  /** Live instances on which something is not as it should be. */
  drifting: number;
}

const rank = ['up', 'unknown', 'degraded', 'down'];

/** One row a service, what is wrong first. Instances that were stopped on purpose do not count. */
export function byService(instances: Instance[]): ServiceRow[] {
  const rows = new Map<string, ServiceRow>();
  for (const one of instances) {
    if (one.state === 'stopped') continue;
    const row = rows.get(one.service) ?? { service: one.service, live: 0, lost: 0, health: 'up', versions: [], drifting: 0 };
    rows.set(one.service, row);
    if (one.state === 'lost') {
      row.lost++;
      continue;
    }
    row.live++;
    if (worse(one.health, row.health)) row.health = one.health;
    if (one.version && !row.versions.includes(one.version)) row.versions.push(one.version);
    if ((one.drift ?? []).length > 0) row.drifting++;
  }
  for (const row of rows.values()) if (row.live === 0) row.health = 'down';
  return [...rows.values()].sort((a, b) => rank.indexOf(b.health) - rank.indexOf(a.health) || b.lost - a.lost || a.service.localeCompare(b.service));
}

const worse = (a: string, b: string) => rank.indexOf(a) > rank.indexOf(b);

/** When the newest version began to run, while there is more than one start in view: since then an error pattern is new. */
export function lastDeploy(instances: Instance[], now = Date.now()): string {
  const first = new Map<string, number>();
  for (const one of instances) {
    if (!one.started_at) continue;
    const began = Date.parse(one.started_at);
    const key = `${one.service} ${one.version}`;
    first.set(key, Math.min(first.get(key) ?? began, began));
  }
  const newest = Math.max(...first.values());
  const hour = 3_600_000;
  const since = Number.isFinite(newest) && now - newest < 24 * hour ? newest : now - hour;
  return new Date(Math.floor(since / 60_000) * 60_000).toISOString();
}

/** The mesh in one sentence. */
export function headline(rows: ServiceRow[], causes: number): string {
  const live = rows.reduce((n, r) => n + r.live, 0);
  const services = `${rows.length} ${rows.length === 1 ? 'service' : 'services'}, ${live} ${live === 1 ? 'instance' : 'instances'}`;
  if (causes === 0) return `All is well: ${services}.`;
  return `${causes === 1 ? 'One thing is' : `${causes} things are`} wrong, among ${services}.`;
}
