import type { Schema } from '~/api/client';

export type User = Schema<'identity.User'>;
export type Role = 'viewer' | 'operator' | 'admin';

const implied: Record<string, Role[]> = { viewer: ['viewer'], operator: ['viewer', 'operator'], admin: ['viewer', 'operator', 'admin'] };

/** Whether the user holds the role, or one that implies it: for the service, or (without one) for any. */
export function holds(user: User | undefined, role: Role, service?: string): boolean {
  return (user?.grants ?? []).some((g) => implied[g.role]?.includes(role) && (!service || !g.services?.length || g.services.includes(service)));
}

/** Whether the user holds the role for all services. */
export function holdsForAll(user: User | undefined, role: Role): boolean {
  return (user?.grants ?? []).some((g) => implied[g.role]?.includes(role) && !g.services?.length);
}

/** Why somebody may not, as a sentence for a tooltip; undefined: he may. Without a service the role is needed for any, or, with all, for all. */
export function whyNot(user: User | undefined, role: Role, service?: string, all = false): string | undefined {
  if (all && !service ? holdsForAll(user, role) : holds(user, role, service)) return undefined;
  const where = service ? ` for ${service}` : all ? ' for all services' : '';
  return `This needs the role ${role}${where}. An administrator can grant it.`;
}

/** The highest role, for people: "operator of catalogs, scheduler". */
export function describe(user: User): string {
  if (user.grants.length === 0) return 'no role yet';
  return user.grants.map((g) => (g.services?.length ? `${g.role} of ${g.services.join(', ')}` : g.role)).join('; ');
}
