import { useQuery } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { api, ask } from '~/api/client';
import { type Role, type User, whyNot } from './roles';
import { session } from './session';

/** Where the session stands. */
export const useSession = () => useSyncExternalStore(session.subscribe, session.snapshot);

/** The signed-in user; undefined while it is not known. */
export function useMe(): User | undefined {
  const state = useSession();
  return useQuery({ queryKey: ['me'], queryFn: () => ask(api.GET('/api/identity/v1/me')), enabled: state === 'in', staleTime: 60_000 }).data;
}

/** Whether the user may do what needs the role; reason is the sentence to show where he may not. */
export function useMay(role: Role, service?: string, all?: boolean): { may: boolean; reason?: string } {
  const me = useMe();
  const reason = me ? whyNot(me, role, service, all) : 'Your roles are not known yet.';
  return { may: reason === undefined, reason };
}
