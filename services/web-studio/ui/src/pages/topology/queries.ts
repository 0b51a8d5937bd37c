import { useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';
import type { Lease } from './model';

const every = 5_000; // milliseconds: instances report every five seconds

export const useTopology = () => useQuery({ queryKey: ['topology'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/topology', { signal })), refetchInterval: every });

/** The nodes that explain what fails. */
export function useCauses(): ReadonlySet<string> {
  const query = useQuery({ queryKey: ['causes'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/causes', { signal })), refetchInterval: every });
  return new Set((query.data?.causes ?? []).map((c) => c.node));
}

/** Policies and faults that hold now. */
export const useRules = () =>
  useQuery({
    queryKey: ['leases', 'rules'],
    queryFn: async ({ signal }): Promise<Lease[]> => {
      const [policies, faults] = await Promise.all((['policy', 'fault'] as const).map((kind) => ask(api.GET('/api/maintenance/v1/leases', { params: { query: { kind, limit: 1000 } }, signal }))));
      return [...(faults?.leases ?? []), ...(policies?.leases ?? [])];
    },
    refetchInterval: every,
  });
