import type { Schema } from '~/api/client';
import type { User } from '~/session/roles';

export type Grant = Schema<'identity.Grant'>;
export type RoleName = Grant['role'];

/** The roles that there are, with what each lets somebody do. */
export const roles: readonly [name: RoleName, may: string][] = [
  ['viewer', 'sees logs, levels, instances, schedules and the audit'],
  ['operator', 'changes them, too: levels, leases, schedules, windows'],
  ['builder', 'makes types and records of catalogs'],
  ['admin', 'does all of that, and for identity looks after users and their roles'],
];

/** What a role is granted for in a form: nothing, all services, or those named. */
export type Scope = 'none' | 'all' | 'some';

/** The form: each role with its scope. */
export type Choice = Record<RoleName, { scope: Scope; services: string[] }>;

/** The form of grants that there are. */
export function choose(grants: Grant[]): Choice {
  const of = (role: RoleName): Choice[RoleName] => {
    const found = grants.filter((g) => g.role === role);
    if (found.length === 0) return { scope: 'none', services: [] };
    if (found.some((g) => !g.services?.length)) return { scope: 'all', services: [] };
    return { scope: 'some', services: [...new Set(found.flatMap((g) => g.services ?? []))].sort() };
  };
  return { viewer: of('viewer'), operator: of('operator'), builder: of('builder'), admin: of('admin') };
}

/** The grants that a form asks for; without a service, `some` is none, for the API takes an empty scope for a mistake. */
export function chosen(choice: Choice): Grant[] {
  return roles.flatMap(([role]): Grant[] => {
    const { scope, services } = choice[role];
    if (scope === 'all') return [{ role }];
    return scope === 'some' && services.length > 0 ? [{ role, services: [...services].sort() }] : [];
  });
}

/** "operator for catalogs and scheduler", "viewer for all services". */
export const grantText = ({ role, services }: Grant) => `${role} for ${services?.length ? listed(services) : 'all services'}`;

/** Grants as one text: "viewer for all services; operator for catalogs". */
export const grantsText = (grants: Grant[]) => (grants.length === 0 ? 'no role' : grants.map(grantText).join('; '));

const listed = (names: string[]) => (names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`);

/** What a change of grants takes away and gives, role by role; empty: nothing. */
export function difference(before: Grant[], after: Grant[]): { gives: string[]; takes: string[] } {
  const [a, b] = [choose(before), choose(after)];
  const gives: string[] = [];
  const takes: string[] = [];
  for (const [role] of roles) {
    const [was, is] = [a[role], b[role]];
    const lost = was.scope === 'all' ? is.scope !== 'all' : was.services.some((s) => is.scope !== 'all' && !is.services.includes(s));
    const won = is.scope === 'all' ? was.scope !== 'all' : is.services.some((s) => was.scope !== 'all' && !was.services.includes(s));
    const left = was.scope === 'all' ? [] : was.services.filter((s) => !is.services.includes(s));
    const fresh = is.scope === 'all' ? [] : is.services.filter((s) => !was.services.includes(s));
    if (lost) takes.push(was.scope === 'all' && is.scope === 'some' ? `${role} for all services but ${listed(is.services)}` : grantText({ role, services: left }));
    if (won && !(lost && was.scope === 'all')) gives.push(grantText({ role, services: fresh }));
  }
  return { gives, takes };
}

/** Whether somebody could do all that the grants allow: nobody changes, or grants, more than he holds. */
export function covers(holder: User | undefined, grants: Grant[]): boolean {
  const own = holder?.grants ?? [];
  const all = (role: RoleName) => own.some((g) => implies(g.role, role) && !g.services?.length);
  const held = (role: RoleName) => new Set(own.filter((g) => implies(g.role, role)).flatMap((g) => g.services ?? []));
  return grants.every((g) => all(g.role) || (Boolean(g.services?.length) && g.services?.every((s) => held(g.role).has(s))));
}

const implies = (has: RoleName, role: RoleName) => has === role || has === 'admin' || (has === 'operator' && role === 'viewer');

/** Whether the grants let somebody look after users. */
export const looksAfterUsers = (grants: Grant[]) => grants.some((g) => g.role === 'admin' && (!g.services?.length || g.services.includes('identity')));
