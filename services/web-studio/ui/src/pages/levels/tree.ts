import type { Schema } from '~/api/client';

export type Level = Schema<'view-service.Level'>;

/** One logger of one service, on all its instances; the service's own row is its root logger. */
export interface Row {
  /** service, or service:logger; in the address of what is open, too. */
  key: string;
  service: string;
  /** '': the root. */
  logger: string;
  /** How many known loggers it lies below; the root has 0. */
  depth: number;
  levels: Level[];
  configured: string;
  /** undefined: nothing is leased anywhere. */
  leased?: string;
  effective: string;
  /** Instances differ in what is effective. */
  mixed: boolean;
  /** The leases that make the effective levels, without double. */
  held: Level[];
}

export interface Service {
  service: string;
  instances: string[];
  root: Row;
  loggers: Row[];
  /** How many loggers, the root counted in, are at another level than is configured. */
  changed: number;
}

export interface Filter {
  /** A part of a service's, an instance's or a logger's name. */
  q?: string;
  service?: string;
  /** Only what a lease has changed. */
  changed?: boolean;
}

/** Services by name, each with its loggers by theirs. */
export function build(levels: Level[]): Service[] {
  const services = grouped(levels, (l) => l.service);
  return [...services.entries()].sort(byName).map(([service, own]) => {
    const loggers = grouped(own, (l) => l.logger);
    const names = new Set(loggers.keys());
    const rows = [...loggers.entries()].sort(byName).map(([logger, all]) => row(service, logger, all, depth(logger, names)));
    const root = rows.find((r) => r.logger === '') ?? row(service, '', [], 0);
    return {
      service,
      instances: [...new Set(own.map((l) => l.instance))].sort(),
      root,
      loggers: rows.filter((r) => r.logger !== ''),
      changed: rows.filter((r) => r.leased !== undefined).length,
    };
  });
}

function grouped(all: Level[], by: (l: Level) => string): Map<string, Level[]> {
  const groups = new Map<string, Level[]>();
  for (const one of all) {
    const group = groups.get(by(one));
    if (group) group.push(one);
    else groups.set(by(one), [one]);
  }
  return groups;
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

function row(service: string, logger: string, levels: Level[], deep: number): Row {
  const held = new Map(levels.filter((l) => l.lease_id).map((l) => [l.lease_id, l]));
  const leased = distinct(levels.flatMap((l) => (l.leased ? [l.leased] : [])));
  const effective = distinct(levels.map((l) => l.effective));
  return {
    key: logger ? `${service}:${logger}` : service,
    service,
    logger,
    depth: deep,
    levels,
    configured: distinct(levels.map((l) => l.configured)).join(', '),
    leased: leased.length > 0 ? leased.join(', ') : undefined,
    effective: effective.join(', '),
    mixed: effective.length > 1,
    held: [...held.values()],
  };
}

const distinct = (all: string[]) => [...new Set(all)].sort();

function depth(logger: string, known: Set<string>): number {
  if (logger === '') return 0;
  const parts = logger.split('.');
  return 1 + parts.slice(1).filter((_, i) => known.has(parts.slice(0, i + 1).join('.'))).length;
}

/** What of the tree is asked for; a service whose logger is found stays, with what was found of it. */
export function filter(services: Service[], { q = '', service, changed }: Filter): Service[] {
  const text = q.trim().toLowerCase();
  const says = (name: string) => name.toLowerCase().includes(text);
  return services.flatMap((s) => {
    if (service && s.service !== service) return [];
    const whole = text === '' || says(s.service);
    const loggers = s.loggers.filter((l) => (whole || says(l.logger) || l.levels.some((one) => says(one.instance))) && (!changed || l.leased !== undefined));
    if (changed && loggers.length === 0 && s.root.leased === undefined) return [];
    if (!whole && loggers.length === 0 && !s.instances.some(says)) return [];
    return [{ ...s, loggers }];
  });
}
