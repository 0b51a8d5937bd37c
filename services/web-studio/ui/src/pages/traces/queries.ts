import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';
import { failed } from './failed';

const most = 300; // records that are looked through

export const failedQuery = (service?: string) => `level>=error trace_id:*${service ? ` service:${service}` : ''}`;

/** Traces with errors, the newest first. */
export const useFailed = (since: string, service?: string) =>
  useQuery({
    queryKey: ['failed-traces', since, service],
    queryFn: async ({ signal }) => {
      const page = await ask(api.GET('/api/maintenance/v1/logs', { params: { query: { q: failedQuery(service), since, limit: most } }, signal }));
      return { traces: failed(page.records ?? []), more: Boolean(page.next), partial: Boolean(page.partial) };
    },
    refetchInterval: 15_000,
    placeholderData: keepPreviousData,
  });

/** The trace of a log record; undefined: it is of none. */
export async function traceOf(record: string): Promise<string | undefined> {
  const page = await ask(api.GET('/api/maintenance/v1/logs/context', { params: { query: { id: record, before: 0, after: 0 } } }));
  return (page.records ?? []).find((r) => r.id === record)?.trace_id;
}
