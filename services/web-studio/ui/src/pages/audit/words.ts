import type { Schema } from '~/api/client';
import { kindNames, targetText, valueText } from '~/pages/levels/words';

export type Change = Schema<'view-service.Change'>;

/** What the audit knows, and how it is said. An action that is not here is shown by its name. */
export const actions: Record<string, string> = {
  'lease.set': 'set a lease',
  'lease.drop': 'dropped a lease',
  'lease.expire': 'lease ran out',
  'lease.spent': 'budget was spent',
  'level.local': 'set a level on the spot',
  'profile.captured': 'captured a profile',
  'profile.deleted': 'deleted a profile',
};

/** A detail of the row, as a text; '': it has none. */
export function detail(change: Change, name: string): string {
  const parts = change.detail as Record<string, unknown> | null;
  const value = typeof parts === 'object' ? parts?.[name] : undefined;
  return typeof value === 'string' ? value : '';
}

/** "Level: set a lease", by kind where there is one. */
export function actionText(change: Change): string {
  const kind = detail(change, 'kind');
  const said = actions[change.action] ?? change.action;
  return kind in kindNames ? `${said}: ${kindNames[kind as keyof typeof kindNames].toLowerCase()}` : said;
}

/** For whom it was. */
export const forWhom = (change: Change) => targetText({ service: change.service, instance: detail(change, 'instance'), logger: detail(change, 'logger') });

/** Who did it; what ran out by itself has nobody. */
export const who = (change: Change) => (change.actor === '' && change.name === 'expiry' ? 'nobody: its time was over' : change.name || change.actor);

/** One side of a change: "DEBUG", "configured (1 × INFO)". */
export function side(state: unknown): string {
  if (typeof state !== 'object' || state === null) return valueText(state);
  const { value, levels } = state as { value?: unknown; levels?: Record<string, number> };
  const text = valueText(value === undefined ? state : parsed(value));
  const found = Object.entries(levels ?? {}).map(([level, n]) => `${n} × ${level}`);
  return found.length > 0 ? `${text} (${found.join(', ')})` : text;
}

/** A value with parts is kept as a text. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith('{')) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** "configured (1 × INFO) → DEBUG". */
export function changeText(change: Change): string {
  const [before, after] = [side(change.before), side(change.after)];
  return before && after ? `${before} → ${after}` : before || after;
}

/** The one trace that a targeted debug was for; undefined: there is none. */
export function traceOf(change: Change): string | undefined {
  for (const state of [change.after, change.before]) {
    const value = typeof state === 'object' && state !== null ? parsed((state as { value?: unknown }).value) : undefined;
    const trace = typeof value === 'object' && value !== null ? (value as { trace?: unknown }).trace : undefined;
    if (typeof trace === 'string' && trace) return trace;
  }
  return undefined;
}

/** "2 of 3"; undefined: there is no receipt, because no instance was asked. */
export function done(change: Change): string | undefined {
  const results = change.results ?? [];
  return results.length === 0 ? undefined : `${results.filter((r) => r.state === 'applied').length} of ${results.length}`;
}

export interface Filter {
  since: string;
  until?: string;
  actor?: string;
  action?: string;
  service?: string;
  subject?: string;
}

const quote = (text: string) => (/^[\w./:@+-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`);

/** The same on the command line, which has no end of the time and no subject. */
export function command({ since, actor, action, service }: Filter): string {
  const flag = (name: string, value?: string) => (value ? ` --${name} ${quote(value)}` : '');
  return `signalbox audit${service ? ` ${quote(service)}` : ''}${flag('since', since)}${flag('actor', actor)}${flag('action', action)}`;
}
