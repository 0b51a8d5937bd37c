import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, ask, type Schema } from '~/api/client';
import type { User } from '~/session/roles';
import type { Grant } from './grants';

export const step = 50;
const page = 200; // users, the most that one answer has
const every = 15_000; // milliseconds: others may change users, too

export type NewUser = Schema<'identity.CreateInputBody'>;

/** The first users by name, up to the limit, as far as q is in their names; more: there are others. */
export const useUsers = (q: string, limit: number, enabled: boolean) =>
  useQuery({
    queryKey: ['users', q, limit],
    queryFn: async ({ signal }) => {
      const users: User[] = [];
      let next: string | undefined;
      do {
        const answer = await ask(api.GET('/api/identity/v1/users', { params: { query: { q: q || undefined, limit: Math.min(page, limit - users.length), page: next } }, signal }));
        users.push(...answer.items);
        next = answer.next;
      } while (next && users.length < limit);
      return { users, more: next !== undefined };
    },
    enabled,
    refetchInterval: every,
    placeholderData: keepPreviousData,
  });

export const useUser = (id: string, enabled: boolean) =>
  useQuery({
    queryKey: ['user', id],
    queryFn: ({ signal }) => ask(api.GET('/api/identity/v1/users/{id}', { params: { path: { id } }, signal })),
    enabled,
    refetchInterval: every,
  });

/** Services that can be named in a scope: those that were heard of. */
export function useServices(): string[] {
  const { data } = useQuery({ queryKey: ['instances'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/instances', { signal })) });
  return [...new Set((data?.instances ?? []).map((i) => i.service))].sort();
}

/** Acts on users. A password is in the body of one request and nowhere else. */
export function useUserActs() {
  const client = useQueryClient();
  const anew = (user?: User) => {
    if (user) client.setQueryData(['user', user.id], user);
    for (const key of ['users', 'user', 'me']) void client.invalidateQueries({ queryKey: [key] });
  };
  const path = (id: string) => ({ params: { path: { id } } });
  return {
    async create(body: NewUser): Promise<User> {
      const made = await ask(api.POST('/api/identity/v1/users', { body }));
      anew(made);
      return made;
    },
    async change(id: string, body: { display_name?: string; disabled?: boolean }): Promise<void> {
      anew(await ask(api.PATCH('/api/identity/v1/users/{id}', { ...path(id), body })));
    },
    async setGrants(id: string, grants: Grant[]): Promise<void> {
      anew(await ask(api.PUT('/api/identity/v1/users/{id}/grants', { ...path(id), body: { grants } })));
    },
    async setPassword(id: string, password: string): Promise<void> {
      await ask(api.PUT('/api/identity/v1/users/{id}/password', { ...path(id), body: { password } }));
      anew();
    },
    async endSessions(id: string): Promise<void> {
      await ask(api.DELETE('/api/identity/v1/users/{id}/sessions', path(id)));
    },
  };
}
