import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';
import { type Condition, conditions, type Schedule } from './words';

export const page = 50; // schedules
export const strip = 8; // fires of each

const every = 5_000; // milliseconds

export interface Filter {
  q?: string;
  service?: string;
  is?: string;
}

/** What names are made of; the API refuses what is not, and nothing is named so. */
export const nameable = (text: string) => /^[a-z0-9._-]*$/.test(text);

/** Schedules with due times that should have ended, by their names. */
export const useOverdue = () =>
  useQuery({
    queryKey: ['overdue', 'all'],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/overdue', { params: { query: { limit: 200 } }, signal })),
    refetchInterval: every,
    select: ({ items }) => new Map((items ?? []).map((one) => [one.schedule, one])),
  });

/** One page of the schedules, each with its newest fires. */
export function useSchedules({ q = '', service, is }: Filter, cursor?: string) {
  const overdue = useOverdue();
  const only = is === 'overdue' ? [...(overdue.data?.keys() ?? [])].sort() : undefined;
  const text = q.trim().toLowerCase();
  const state = is && is !== 'overdue' && is in conditions ? (is as Exclude<Condition, 'overdue'>) : undefined;
  return useQuery({
    queryKey: ['schedules', { text, service, state, only, cursor }],
    queryFn: async ({ signal }): Promise<{ items: Schedule[]; next?: string }> => {
      if (is === 'overdue' && !overdue.data) throw overdue.error; // that nothing is overdue is not known
      if (!nameable(text) || only?.length === 0) return { items: [] };
      const query = { q: text || undefined, service: service || undefined, state, names: only, recent: strip, limit: page, cursor };
      const found = await ask(api.GET('/api/scheduler/v1/schedules', { params: { query }, querySerializer: { array: { style: 'form', explode: false } }, signal }));
      return { items: found.items ?? [], next: found.next_cursor };
    },
    enabled: only === undefined || overdue.data !== undefined || overdue.isError,
    refetchInterval: every,
    placeholderData: keepPreviousData,
  });
}
