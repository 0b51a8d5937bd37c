import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api, ask, type Schema } from '~/api/client';
import type { View } from './url';

export type Saved = Schema<'view-service.View'>;

/** The searches that the user has saved; they are nobody else's. */
export const useSaved = (enabled: boolean) =>
  useQuery({
    queryKey: ['logs', 'saved'],
    queryFn: async ({ signal }) => (await ask(api.GET('/api/view-service/v1/views', { signal }))).views ?? [],
    enabled,
    staleTime: 30_000,
  });

export function useSavedActs() {
  const client = useQueryClient();
  const anew = () => void client.invalidateQueries({ queryKey: ['logs', 'saved'] });
  return {
    async save(name: string, view: Pick<View, 'q' | 'since' | 'until'>): Promise<void> {
      await ask(api.POST('/api/view-service/v1/views', { body: { name, query: view.q, since: toKeep(view) } }));
      anew();
    },
    async remove(id: string): Promise<void> {
      await ask(api.DELETE('/api/view-service/v1/views/{id}', { params: { path: { id } } }));
      anew();
    },
  };
}

/** How far back a saved search looks, in the hours and minutes that are kept; undefined: it is of a time that is over, which is not kept. */
export function toKeep({ since, until }: Pick<View, 'since' | 'until'>): string | undefined {
  if (until || !/^(\d+(w|d|h|m|s))+$/.test(since)) return undefined;
  return since.replace(/(\d+)w/g, (_, n) => `${n * 168}h`).replace(/(\d+)d/g, (_, n) => `${n * 24}h`);
}

/** The same as the page says it: 168h is 7d. */
export function toShow(since = ''): string {
  const [, hours] = /^(\d+)h(?:0m)?(?:0s)?$/.exec(since) ?? [];
  return hours && Number(hours) > 24 && Number(hours) % 24 === 0 ? `${Number(hours) / 24}d` : since || '1h';
}
