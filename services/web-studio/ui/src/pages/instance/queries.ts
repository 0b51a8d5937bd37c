import { useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';

/** One instance with its samples and what became of its checks; the service only where several have one of this name. */
export const useInstance = (instance: string, service?: string) =>
  useQuery({
    queryKey: ['instance', instance, service],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/instances/{instance}', { params: { path: { instance }, query: { service } }, signal })),
    refetchInterval: 5_000,
  });

/** Its newest lines. */
export const useLines = (q: string) =>
  useQuery({
    queryKey: ['lines', q],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/logs', { params: { query: { q, since: '1h', limit: 20, order: 'desc' } }, signal })),
    refetchInterval: 5_000,
  });
