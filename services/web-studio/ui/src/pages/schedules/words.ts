import type { Schema } from '~/api/client';
import { at, duration } from '~/ui/format';

export type Schedule = Schema<'scheduler.Schedule'>;
export type Spec = Schema<'scheduler.Spec'>;
export type Fire = Schema<'scheduler.Fire'>;
export type Recent = Schema<'scheduler.Recent'>;
export type State = Fire['state'];
export type Reason = NonNullable<Fire['reason']>;

/** What the list can be bound to. All but overdue, which view-service reckons, are the scheduler's. */
export const conditions = {
  failing: 'Failing',
  overdue: 'Overdue',
  late: 'Late: due and not planned',
  paused: 'Paused',
  edited: 'Edited',
  ok: 'As it should be',
} as const;

export type Condition = keyof typeof conditions;

/** How a fire stands, for whoever looks at many: each kind has a shape, a colour and a word. */
export type Kind = 'done' | 'failed' | 'skipped' | 'running' | 'waiting';

export function kind(state: State): Kind {
  return state === 'planned' || state === 'published' || state === 'received' ? 'running' : state;
}

export const stateNames: Record<State, string> = {
  waiting: 'waits',
  planned: 'planned',
  published: 'published',
  received: 'running',
  done: 'done',
  failed: 'failed',
  skipped: 'left out',
};

/** Whether a fire can still change by itself. */
export const open = (fire: Pick<Fire, 'state'>) => kind(fire.state) === 'running' || fire.state === 'waiting';

interface Why {
  /** In two or three words: "nobody led". */
  short: string;
  what: string;
  /** The way on. */
  next?: string;
}

/** Why a due time did not end in done, or what a waiting fire waits for: the closed list of docs/time.md. */
export const reasons: Record<Reason, Why> = {
  paused: { short: 'paused', what: 'People held the schedule.', next: 'Resume it; backfill what is wanted after all.' },
  window: { short: 'maintenance window', what: 'A maintenance window of the service was open.', next: 'Nothing; or let it hold in a window instead of being left out.' },
  'overlap-skipped': { short: 'the one before still ran', what: 'The fire before it had not ended, and the schedule leaves out what overlaps.', next: 'A longer interval, another overlap policy, or a faster handler.' },
  'misfire-skipped': { short: 'missed', what: 'The planner was behind, and the schedule leaves out what was missed.', next: 'Catch up once or all; or backfill it.' },
  'too-late': { short: 'missed too long ago', what: 'It was missed, and is older than the window within which the schedule catches up.', next: 'A longer window; or backfill it.' },
  'no-leader': { short: 'no scheduler led', what: 'No scheduler led, so nobody could plan it.', next: 'See why in the scheduler’s log around that time; run three replicas.' },
  'broker-down': { short: 'the broker was away', what: 'The broker could not be reached, or never took the fire.', next: 'See the broker’s own log; then backfill it.' },
  'invalid-schedule': { short: 'cannot be read', what: 'What is stored of the schedule cannot be read any more, its time zone for one.', next: 'Edit it, and save it again.' },
  edited: { short: 'timing was changed', what: 'It was due and not planned yet when the timing was changed. The new timing took its place.' },
  retired: { short: 'schedule was withdrawn', what: 'It was due, or waited, when the schedule was deleted or not declared any more.', next: 'Nothing; or the service that declared it is gone by mistake.' },
  'nobody-listening': { short: 'nobody listens', what: 'No queue takes it.', next: 'Start the service, or see whether it still declares the schedule.' },
  'handler-failed': { short: 'handler failed', what: 'Every attempt of the handler failed; the last error is below.', next: 'See its trace; mend it; then run it again or backfill it.' },
  deadline: { short: 'took too long', what: 'The handler did not end by its deadline.', next: 'A longer deadline, or less work in one fire.' },
  'no-receipt': { short: 'no word from the handler', what: 'It was published, and nothing was heard of it by its deadline. The work may have been done all the same.', next: 'See whether the instance died.' },
  cancelled: { short: 'cancelled', what: 'It was cancelled by hand, or for the fire after it.' },
  overlap: { short: 'for the one before', what: 'It waits for the end of the fire before it.' },
  'catch-up': { short: 'for its turn', what: 'It catches up, and waits for its turn: so many are let go in a second.' },
  backfill: { short: 'for its turn', what: 'It is backfilled, and waits for its turn: so many are let go in a second.' },
};

/** "failed: took too long", "done", "waits for its turn". */
export function stateText({ state, reason }: Pick<Fire, 'state' | 'reason'>): string {
  const why = reason && reasons[reason]?.short;
  if (!why || state === 'done') return stateNames[state];
  return state === 'waiting' ? `${stateNames[state]} ${why}` : `${stateNames[state]}: ${why}`;
}

/** The timing in words, without its zone, which stands beside it. */
export function inWords({ text = '', time_zone }: Pick<Schedule, 'text' | 'time_zone'>): string {
  return text.replace(`, ${time_zone || 'UTC'}`, '');
}

/** The timing as it is written: the cron line, "every 15 min from …", the instants. */
export function written(spec: Pick<Spec, 'cron' | 'every_seconds' | 'anchor' | 'calendar' | 'at'>): string {
  if (spec.cron) return spec.cron;
  if (spec.every_seconds) return `every ${duration(spec.every_seconds * 1000).replace(/\.0 s$/, ' s')}${spec.anchor ? ` from ${spec.anchor}` : ''}`;
  if (spec.at) return `at ${spec.at}`;
  const [first, ...more] = spec.calendar ?? [];
  return first ? `${first}${more.length ? `, and ${more.length} more` : ''}` : 'never';
}

/** "done, due 2026-11-22 02:00:00, took 12 s": one fire in passing. */
export function fireText(fire: Recent): string {
  const many = (fire.missed ?? 0) > 1 ? `, ${fire.missed} due times` : '';
  const took = fire.duration_ms === undefined ? '' : `, took ${duration(fire.duration_ms)}`;
  return `${stateText(fire)}, ${fire.manual ? 'by hand' : 'due'} ${at(fire.due)}${many}${took}`;
}

/** "8 done, 1 failed, 1 left out": a strip for who does not see it. */
export function tally(fires: Recent[]): string {
  const names: Record<Kind, string> = { done: 'done', failed: 'failed', skipped: 'left out', running: 'under way', waiting: 'waiting' };
  return (Object.keys(names) as Kind[])
    .map((k) => [fires.filter((f) => kind(f.state) === k).length, names[k]] as const)
    .filter(([n]) => n > 0)
    .map(([n, name]) => `${n} ${name}`)
    .join(', ');
}
