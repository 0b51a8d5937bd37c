import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';

const every = 5_000; // milliseconds: soon enough to be the first to know, and cheap for the mesh

const live = { refetchInterval: every, refetchOnWindowFocus: true } as const;

/** What explains all that fails; the widest cause first. */
export const useCauses = () => useQuery({ queryKey: ['causes'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/causes', { signal })), ...live });

export const useInstances = () => useQuery({ queryKey: ['instances'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/instances', { signal })), ...live });

export const useActiveLeases = () => useQuery({ queryKey: ['leases', 'active'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/leases', { signal })), ...live });

/** Overdue schedules that the overview shows. */
export const most = 20;

export const useOverdue = () => useQuery({ queryKey: ['overdue'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/overdue', { params: { query: { limit: most } }, signal })), ...live });

/** Holes in the log of the last day. */
export const useGaps = () =>
  useQuery({
    queryKey: ['gaps', '24h'],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/logs/gaps', { params: { query: { since: '24h', limit: 20 } }, signal })),
    refetchInterval: 15_000,
  });

/** Errors that are said now and were not said before the last deploy, or before the last hour where nothing is known of one. */
export const useNewErrors = (since: string) =>
  useQuery({
    queryKey: ['new-errors', since],
    queryFn: async ({ signal }) => {
      const all = await ask(api.GET('/api/maintenance/v1/logs/patterns', { params: { query: { q: 'level>=error', since: '24h', new_since: since, limit: 1000 } }, signal }));
      return { ...all, patterns: (all.patterns ?? []).filter((p) => p.new) };
    },
    refetchInterval: 15_000,
    placeholderData: keepPreviousData, // where no deploy is known, the time is another one each minute
  });
