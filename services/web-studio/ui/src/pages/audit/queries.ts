import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';
import { ApiError } from '~/api/problem';
import type { Filter } from './words';

export const step = 100;
/** The most rows that one answer has. */
export const most = 1000;

/** The newest changes, up to the limit. */
export const useAudit = (filter: Filter, limit: number) =>
  useQuery({
    queryKey: ['audit', filter, limit],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/audit', { params: { query: { ...filter, limit } }, signal })),
    refetchInterval: 5_000,
    placeholderData: keepPreviousData,
  });

/** One change by its number, whatever the filter: the newest that is no newer. Its receipt may still fill in. */
export const useChange = (id: number) =>
  useQuery({
    queryKey: ['audit', 'row', id],
    queryFn: async ({ signal }) => {
      const { changes } = await ask(api.GET('/api/maintenance/v1/audit', { params: { query: { before: id + 1, limit: 1 } }, signal }));
      const found = (changes ?? []).find((one) => one.id === id);
      if (!found) throw new ApiError(404, 'not_found', 'there is no such change, or it is of a service that you may not see');
      return found;
    },
    refetchInterval: 5_000,
  });
