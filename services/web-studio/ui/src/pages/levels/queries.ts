import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, ask, type Schema } from '~/api/client';
import type { Kind, Lease } from './words';

const every = 5_000; // milliseconds: instances report every five seconds

export type Receipt = Schema<'view-service.Receipt'>;
export type Request = Schema<'view-service.SetInBody'>;
type Level = Schema<'view-service.Level'>;

const page = 10_000; // levels, the most that one answer has

/** All levels, however many answers that takes; a large mesh is asked less often. */
export const useLevels = () =>
  useQuery({
    queryKey: ['levels'],
    queryFn: async ({ signal }) => {
      const levels: Level[] = [];
      let cursor: string | undefined;
      do {
        const answer = await ask(api.GET('/api/maintenance/v1/levels', { params: { query: { limit: page, cursor } }, signal }));
        levels.push(...(answer.levels ?? []));
        cursor = answer.next;
      } while (cursor);
      return levels;
    },
    refetchInterval: (query) => every * (1 + Math.floor((query.state.data?.length ?? 0) / page)),
  });

export interface LeaseFilter {
  kind?: Kind;
  service?: string;
  ended?: boolean;
}

/** The newest leases; 1000 are the most that one answer has. */
export const useLeases = (filter: LeaseFilter) =>
  useQuery({
    queryKey: ['leases', filter],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/leases', { params: { query: { ...filter, limit: 1000 } }, signal })),
    refetchInterval: every,
    placeholderData: keepPreviousData,
  });

type View = Schema<'view-service.LeaseOutBody'>;

/** One lease with what its instances made of it: often while an answer is missing or its end is near, else now and then. */
export const useLease = (id: string) =>
  useQuery({
    queryKey: ['lease', id],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/leases/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => pace(query.state.data),
    staleTime: 500,
  });

export function pace(view?: View): number {
  if (!view) return 1_000;
  const { lease, results, ends } = view;
  const waits = [...(results ?? []), ...(ends ?? [])].some((o) => o.state === 'silent');
  if (lease.state !== 'active') return waits || (ends ?? []).length === 0 ? 1_000 : 10_000;
  return waits || (!lease.keep && lease.remaining_ms < 15_000) ? 1_000 : every;
}

/** What a level would add to the log, by what the instances have suppressed over the last minute. */
export const usePreview = (request: Request, enabled: boolean) =>
  useQuery({
    queryKey: ['preview', request],
    queryFn: async ({ signal }) => (await ask(api.POST('/api/maintenance/v1/leases', { body: { ...request, dry_run: true }, signal }))) as Schema<'view-service.PreviewAnswer'>,
    enabled,
    refetchInterval: 10_000,
    placeholderData: keepPreviousData,
    retry: false,
  });

export const useProfiles = (filter: { service?: string; instance?: string; lease?: string }, enabled = true) =>
  useQuery({
    queryKey: ['profiles', filter],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/profiles', { params: { query: { ...filter, limit: 1000 } }, signal })),
    enabled,
    refetchInterval: every,
  });

/** Acts; what is shown is asked for anew after each. */
export function useActs() {
  const client = useQueryClient();
  const anew = () => {
    for (const key of ['levels', 'leases', 'profiles', 'audit', 'instances']) void client.invalidateQueries({ queryKey: [key] });
  };
  return {
    /** Makes a lease; its receipt is what the lease's own page begins with. */
    async set(request: Request): Promise<Receipt> {
      const receipt = (await ask(api.POST('/api/maintenance/v1/leases', { body: request }))) as Receipt;
      client.setQueryData<View>(['lease', receipt.lease.id], { lease: receipt.lease, results: receipt.instances, events: [] });
      client.setQueryData(['receipt', receipt.lease.id], receipt);
      anew();
      return receipt;
    },
    async drop(lease: Pick<Lease, 'id'>): Promise<Receipt> {
      const receipt = await ask(api.DELETE('/api/maintenance/v1/leases/{id}', { params: { path: { id: lease.id } } }));
      void client.invalidateQueries({ queryKey: ['lease', lease.id] });
      anew();
      return receipt;
    },
    async deleteProfile(id: string): Promise<void> {
      await ask(api.DELETE('/api/maintenance/v1/profiles/{id}', { params: { path: { id } } }));
      anew();
    },
  };
}

/** The receipt of a change that was made on this page; undefined: it was made elsewhere. */
export function useReceipt(id: string): Receipt | undefined {
  return useQuery<Receipt | null>({ queryKey: ['receipt', id], queryFn: () => null, enabled: false }).data ?? undefined;
}
