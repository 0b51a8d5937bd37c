import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';
import type { Spec } from '~/pages/schedules/words';

export const shown = 8; // due times

/** When a spec would be due, in words and as times; nothing is stored. */
export const useTimes = (name: string, spec: Spec | undefined) =>
  useQuery({
    queryKey: ['schedule-preview', name, spec],
    queryFn: ({ signal }) => ask(api.POST('/api/scheduler/v1/schedules/preview', { body: { name: name || undefined, spec: spec as Spec, n: shown }, signal })),
    enabled: spec !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
    refetchInterval: 30_000,
  });

/** What saving would say, without doing it: warnings, and what stands against it. revision 0: it must not exist. */
export const useDryRun = (name: string, spec: Spec | undefined, revision: number) =>
  useQuery({
    queryKey: ['schedule-dry-run', name, spec, revision],
    queryFn: ({ signal }) => ask(api.PUT('/api/scheduler/v1/schedules/{name}', { params: { path: { name }, query: { dry_run: true } }, body: { spec: spec as Spec, revision }, signal })),
    enabled: spec !== undefined && name !== '',
    placeholderData: keepPreviousData,
    retry: false,
  });
