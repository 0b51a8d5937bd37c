import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';
import { mayCome, recordQuery } from './words';

const again = 2_000; // milliseconds: spans are exported after a second, and lie in the store soon after
const often = 8; // times; what has not come by then does not come by itself

/** A trace with its log lines, as far as the filter lets them through. What may still be on its way is asked for again, a few times. */
export const useTrace = (id: string, q?: string, level?: string) =>
  useQuery({
    queryKey: ['trace', id, q, level],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/traces/{id}', { params: { path: { id }, query: { q: recordQuery(q, level), limit: 1000 } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (state.data && mayCome(state.data) && state.dataUpdateCount < often ? again : false),
    refetchOnWindowFocus: false, // it is what has been
  });
