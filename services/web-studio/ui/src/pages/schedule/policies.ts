import type { Spec } from '~/pages/schedules/words';
import { count, duration } from '~/ui/format';

/** What a schedule does when things do not go as planned, in sentences under a name each. */
export function policies(spec: Spec): [name: string, sentence: string][] {
  const attempts = spec.attempts || 1;
  return [
    ['Missed', missed(spec)],
    ['Overlap', overlaps[spec.overlap ?? 'allow']],
    ['Maintenance window', windows[spec.in_window ?? 'run']],
    ['Attempts', attempts === 1 ? 'There is one attempt.' : `There are ${attempts} attempts; the second comes ${span(spec.backoff_ms ?? 0)} after the first, each further one after twice the time, an hour at most.`],
    ['Deadline', `One attempt may take ${span(spec.deadline_ms ?? 0)}.`],
    ['Done', done[spec.done_when ?? 'completed']],
    ['Goes', spec.target === 'http' ? `By HTTP to ${spec.url}.` : targets[spec.target ?? 'bus']],
  ];
}

function missed({ misfire, window_seconds = 0, catch_up_per_second = 0 }: Spec): string {
  if (misfire === 'skip') return 'What was missed is left out.';
  const within = span(window_seconds * 1000);
  return misfire === 'all' ? `All that was missed within ${within} fires, oldest first, at most ${count(catch_up_per_second)} in a second.` : `Of what was missed within ${within}, the newest fires once and stands for the others.`;
}

const overlaps: Record<NonNullable<Spec['overlap']>, string> = {
  allow: 'The next one runs beside one that has not ended.',
  skip: 'The next one is left out while one has not ended.',
  'buffer-one': 'The next one waits for the end of one that has not ended; further ones are left out.',
  'buffer-all': 'The next ones wait for the end of one that has not ended, up to 100.',
  cancel: 'One that has not ended is told to end when the next one comes.',
};

const windows: Record<NonNullable<Spec['in_window']>, string> = {
  run: 'It fires in a maintenance window of its service as always.',
  skip: 'It is left out in a maintenance window of its service.',
  hold: 'In a maintenance window of its service it is held, and treated as missed at the window’s end.',
};

const done: Record<NonNullable<Spec['done_when']>, string> = {
  completed: 'It is done when a handler has ended well.',
  received: 'It is done when a handler has begun.',
  published: 'It is done when the broker has it.',
};

const targets: Record<'bus' | 'poll', string> = {
  bus: 'Over the bus, to the service.',
  poll: 'To whoever asks for it.',
};

/** "90 s" is "1 min 30 s", and whole seconds have no fraction. */
export const span = (ms: number) => duration(ms).replace(/\.0 s$/, ' s');

/** The fields of a spec, for people. */
export const fieldNames: Record<string, string> = {
  cron: 'cron',
  every_seconds: 'every',
  anchor: 'anchor',
  calendar: 'calendar',
  at: 'at',
  time_zone: 'time zone',
  start: 'start',
  end: 'end',
  except: 'except',
  jitter_seconds: 'jitter',
  misfire: 'missed',
  window_seconds: 'window of what was missed',
  catch_up_per_second: 'caught up per second',
  overlap: 'overlap',
  in_window: 'maintenance window',
  deadline_ms: 'deadline',
  attempts: 'attempts',
  backoff_ms: 'backoff',
  done_when: 'done when',
  target: 'target',
  url: 'URL',
  payload: 'payload',
};

/** The value of a field as people write it. */
export function fieldText(spec: Spec, field: string): string {
  const value = (spec as Record<string, unknown>)[field];
  if (value === undefined || value === null) return '—';
  if (field.endsWith('_seconds')) return span(Number(value) * 1000);
  if (field.endsWith('_ms')) return span(Number(value));
  return typeof value === 'object' ? (Array.isArray(value) ? value.join(', ') : JSON.stringify(value)) : String(value);
}
