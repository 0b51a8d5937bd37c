import type { Spec } from '~/pages/schedules/words';
import { instant, zoned } from '../zone';
import { parseSpan, spanText } from './span';

export type Kind = 'cron' | 'every' | 'calendar' | 'at';

/** A spec as it stands in the form: texts, as they are typed. */
export interface Draft {
  kind: Kind;
  cron: string;
  every: string;
  anchor: string;
  /** One local time a line. */
  calendar: string;
  at: string;
  zone: string;
  start: string;
  end: string;
  /** One a line. */
  except: string;
  jitter: string;
  misfire: string;
  window: string;
  catchUp: string;
  overlap: string;
  inWindow: string;
  deadline: string;
  attempts: string;
  backoff: string;
  doneWhen: string;
  target: string;
  url: string;
  payload: string;
}

export type Wrong = Partial<Record<keyof Draft | 'name', string>>;

/** What the API calls the fields of a draft: for its errors. */
export const draftFields: Record<string, keyof Wrong> = {
  name: 'name',
  '/spec/cron': 'cron',
  '/spec/every_seconds': 'every',
  '/spec/anchor': 'anchor',
  '/spec/calendar': 'calendar',
  '/spec/at': 'at',
  '/spec/time_zone': 'zone',
  '/spec/start': 'start',
  '/spec/end': 'end',
  '/spec/except': 'except',
  '/spec/jitter_seconds': 'jitter',
  '/spec/misfire': 'misfire',
  '/spec/window_seconds': 'window',
  '/spec/catch_up_per_second': 'catchUp',
  '/spec/overlap': 'overlap',
  '/spec/in_window': 'inWindow',
  '/spec/deadline_ms': 'deadline',
  '/spec/attempts': 'attempts',
  '/spec/backoff_ms': 'backoff',
  '/spec/done_when': 'doneWhen',
  '/spec/target': 'target',
  '/spec/url': 'url',
  '/spec/payload': 'payload',
};

/** What a schedule has that nobody has said more of. */
export const fresh: Spec = {
  time_zone: 'UTC',
  misfire: 'once',
  window_seconds: 86_400,
  catch_up_per_second: 10,
  overlap: 'allow',
  in_window: 'run',
  deadline_ms: 60_000,
  attempts: 5,
  backoff_ms: 1_000,
  done_when: 'completed',
  target: 'bus',
};

/** The form of a spec. Instants are by the clocks of its zone. */
export function toDraft(s: Spec): Draft {
  const zone = s.time_zone || 'UTC';
  const moment = (ts?: string) => (ts ? zoned(ts, zone).slice(4, 23) : '');
  return {
    kind: s.every_seconds ? 'every' : s.calendar?.length ? 'calendar' : s.at ? 'at' : 'cron',
    cron: s.cron ?? '',
    every: spanText((s.every_seconds ?? 0) * 1000),
    anchor: moment(s.anchor),
    calendar: (s.calendar ?? []).join('\n'),
    at: moment(s.at),
    zone,
    start: moment(s.start),
    end: moment(s.end),
    except: (s.except ?? []).join('\n'),
    jitter: spanText((s.jitter_seconds ?? 0) * 1000),
    misfire: s.misfire ?? 'once',
    window: spanText((s.window_seconds ?? 0) * 1000),
    catchUp: String(s.catch_up_per_second ?? ''),
    overlap: s.overlap ?? 'allow',
    inWindow: s.in_window ?? 'run',
    deadline: spanText(s.deadline_ms),
    attempts: String(s.attempts ?? ''),
    backoff: spanText(s.backoff_ms),
    doneWhen: s.done_when ?? 'completed',
    target: s.target ?? 'bus',
    url: s.url ?? '',
    payload: s.payload === undefined ? '' : JSON.stringify(s.payload, null, 2),
  };
}

/** The spec of a form, and what is wrong with it. What was not touched stays as it is in the spec that it began with. */
export function toSpec(d: Draft, base: Spec): { spec: Spec; wrong: Wrong } {
  const was = toDraft(base);
  const wrong: Wrong = {};
  const moved = d.zone.trim() !== was.zone;

  const moment = (field: 'anchor' | 'at' | 'start' | 'end'): string | undefined => {
    if (d[field].trim() === '') return undefined;
    if (!moved && d[field] === was[field]) return base[field];
    const ts = instant(d[field], d.zone.trim() || 'UTC');
    if (ts === undefined) wrong[field] = 'A time is written 2026-12-24 18:00.';
    return ts;
  };
  const span = (field: 'every' | 'jitter' | 'window' | 'deadline' | 'backoff', unit: 1 | 1000): number | undefined => {
    if (d[field].trim() === '') return undefined;
    const ms = parseSpan(d[field]);
    if (ms === undefined) wrong[field] = 'A length of time is written 90s, 15m or 1h30m.';
    else if (ms % unit !== 0) wrong[field] = 'It has to be whole seconds.';
    return ms === undefined ? undefined : ms / unit;
  };
  const whole = (field: 'catchUp' | 'attempts'): number | undefined => {
    if (d[field].trim() === '') return undefined;
    if (!/^\d{1,4}$/.test(d[field].trim())) wrong[field] = 'It has to be a whole number.';
    return Number(d[field]);
  };

  const spec: Spec = {
    ...timing(d, moment, span, wrong),
    time_zone: d.zone.trim() || 'UTC',
    start: moment('start'),
    end: moment('end'),
    except: some(lines(d.except)),
    jitter_seconds: span('jitter', 1000),
    misfire: d.misfire as Spec['misfire'],
    window_seconds: span('window', 1000),
    catch_up_per_second: whole('catchUp'),
    overlap: d.overlap as Spec['overlap'],
    in_window: d.inWindow as Spec['in_window'],
    deadline_ms: span('deadline', 1),
    attempts: whole('attempts'),
    backoff_ms: span('backoff', 1),
    done_when: d.doneWhen as Spec['done_when'],
    target: d.target as Spec['target'],
    url: d.target === 'http' ? d.url.trim() || undefined : undefined,
    payload: payload(d.payload, wrong),
  };
  if (d.target === 'http' && !spec.url) wrong.url = 'Say where it goes.';
  return { spec: known(spec), wrong };
}

function timing(d: Draft, moment: (field: 'anchor' | 'at') => string | undefined, span: (field: 'every', unit: 1000) => number | undefined, wrong: Wrong): Spec {
  const spec: Spec = {};
  if (d.kind === 'cron') spec.cron = d.cron.trim() || undefined;
  if (d.kind === 'every') Object.assign(spec, { every_seconds: span('every', 1000) || undefined, anchor: moment('anchor') });
  if (d.kind === 'calendar') spec.calendar = some(lines(d.calendar));
  if (d.kind === 'at') spec.at = moment('at');
  if (!spec[d.kind === 'every' ? 'every_seconds' : d.kind]) wrong[d.kind] ??= 'Say when it is due.';
  return spec;
}

function payload(text: string, wrong: Wrong): unknown {
  if (text.trim() === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (!exact(value)) wrong.payload = 'It has a number with more digits than a browser keeps. Write it as a text, or save the schedule by the command line.';
    return value;
  } catch (error) {
    wrong.payload = `It is no JSON: ${(error as Error).message}`;
    return undefined;
  }
}

/** Whether all whole numbers in it are what was written. */
function exact(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  return typeof value !== 'object' || value === null || Object.values(value).every(exact);
}

const lines = (text: string) => text.split('\n').map((l) => l.trim()).filter(Boolean);
const some = (all: string[]) => (all.length > 0 ? all : undefined);
const known = (spec: Spec): Spec => Object.fromEntries(Object.entries(spec).filter(([, v]) => v !== undefined));

/** The fields in which two specs differ. */
export function differs(a: Spec, b: Spec, fields: string[]): string[] {
  return fields.filter((f) => JSON.stringify((a as Record<string, unknown>)[f]) !== JSON.stringify((b as Record<string, unknown>)[f]));
}
