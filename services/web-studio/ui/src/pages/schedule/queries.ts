import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { api, ask, type Schema } from '~/api/client';
import { ApiError } from '~/api/problem';
import { type Fire, open, type Reason, reasons, type Schedule, type Spec, type State, stateNames } from '~/pages/schedules/words';

export const strip = 16; // fires
export const rows = 25; // of the ledger

const soon = 1_000; // milliseconds: what is watched while it goes on
const every = 3_000;

export interface LedgerFilter {
  state?: string;
  reason?: string;
  backfill?: string;
}

export const key = (name: string) => ['schedule', name];

/** One schedule with its newest fires. */
export const useSchedule = (name: string) =>
  useQuery({
    queryKey: key(name),
    queryFn: async ({ signal }) => {
      const query = { names: [name], recent: strip };
      const { items } = await ask(api.GET('/api/scheduler/v1/schedules', { params: { query }, querySerializer: { array: { style: 'form', explode: false } }, signal }));
      if (!items?.[0]) throw gone();
      return items[0];
    },
    refetchInterval: every,
    retry: (failures, error) => failures < 2 && error instanceof ApiError && error.passing,
  });

const gone = () => new ApiError(404, 'not_found', 'there is no such schedule, or it is of a service that you may not see');

/** The next due times; asked for anew when the schedule was changed or one of them has come. */
export const useNext = ({ name, revision, next_due }: Schedule, n: number, enabled = true) =>
  useQuery({
    queryKey: ['schedule-next', name, revision, next_due, n],
    queryFn: ({ signal }) => ask(api.GET('/api/scheduler/v1/schedules/{name}/next', { params: { path: { name }, query: { n } }, signal })),
    refetchInterval: 60_000,
    enabled,
    placeholderData: keepPreviousData,
  });

/** A page of its ledger, the newest due time first. */
export const useLedger = (schedule: string, filter: LedgerFilter, cursor?: string) =>
  useQuery({
    queryKey: ['fires', schedule, filter, cursor],
    queryFn: ({ signal }) => {
      const state = filter.state && filter.state in stateNames ? (filter.state as State) : undefined;
      const reason = filter.reason && filter.reason in reasons ? (filter.reason as Reason) : undefined;
      const backfill = /^[a-z0-9]{1,32}$/.test(filter.backfill ?? '') ? filter.backfill : undefined;
      return ask(api.GET('/api/scheduler/v1/fires', { params: { query: { schedule, state, reason, backfill, limit: rows, cursor } }, signal }));
    },
    refetchInterval: every,
    placeholderData: keepPreviousData,
  });

/** One fire, followed to its end. */
export const useFire = (id: string) =>
  useQuery({
    queryKey: ['fire', id],
    queryFn: ({ signal }) => ask(api.GET('/api/scheduler/v1/fires/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => (!state.data || open(state.data) ? soon : 10_000), // a receipt that comes late corrects it
  });

/** How far a backfill has come. */
export const useBackfilled = (id: string) =>
  useQuery({
    queryKey: ['backfill', id],
    queryFn: ({ signal }) => ask(api.GET('/api/scheduler/v1/backfills/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state }) => (!state.data || state.data.waiting + state.data.running > 0 ? soon : 10_000),
  });

export type Range = Schema<'scheduler.BackfillRequest'>;

/** What a backfill would do. */
export const usePlan = (name: string, range?: Range) =>
  useQuery({
    queryKey: ['backfill-plan', name, range],
    queryFn: ({ signal }) => ask(api.POST('/api/scheduler/v1/schedules/{name}/backfill', { params: { path: { name } }, body: { ...(range as Range), dry_run: true }, signal })),
    enabled: range !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
  });

/** Acts on one schedule; what is shown is asked for anew after each. */
export function useActs(name: string) {
  const client = useQueryClient();
  const path = { name };
  const anew = () => {
    for (const first of ['schedule', 'schedules', 'fires', 'fire', 'backfill', 'overdue', 'audit']) void client.invalidateQueries({ queryKey: [first] });
  };
  const change = async <T>(call: Promise<T>): Promise<T> => {
    const answer = await call;
    anew();
    return answer;
  };
  const at = (revision: number) => ({ 'If-Match': `"${revision}"` });
  return {
    pause: (note: string) => change(ask(api.POST('/api/scheduler/v1/schedules/{name}/pause', { params: { path }, body: { note } }))),
    resume: () => change(ask(api.POST('/api/scheduler/v1/schedules/{name}/resume', { params: { path } }))),
    run: () => change(ask(api.POST('/api/scheduler/v1/schedules/{name}/run', { params: { path } }))),
    backfill: (body: Range) => change(ask(api.POST('/api/scheduler/v1/schedules/{name}/backfill', { params: { path }, body }))),
    cancel: (fire: Pick<Fire, 'id'>, note: string) => change(ask(api.POST('/api/scheduler/v1/fires/{id}/cancel', { params: { path: { id: fire.id } }, body: { note: note || undefined } }))),
    save: (spec: Spec, revision: number, note: string) => change(ask(api.PUT('/api/scheduler/v1/schedules/{name}', { params: { path }, body: { spec, revision, note: note || undefined } }))),
    revert: (revision: number, note: string) => change(ask(api.DELETE('/api/scheduler/v1/schedules/{name}/edit', { params: { path, query: { note: note || undefined }, header: at(revision) } }))),
    remove: (revision: number, note: string) => change(ask(api.DELETE('/api/scheduler/v1/schedules/{name}', { params: { path, query: { note: note || undefined }, header: at(revision) } }))),
  };
}
