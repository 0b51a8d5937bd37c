import type { Request } from './queries';
import { parseBudget, parseTtl } from './words';

/** The kinds that this page makes; each has a form. */
export const forms = ['level', 'debug', 'window', 'profile'] as const;
export type Form = (typeof forms)[number];

/** What stands in a form: texts, as they were typed. */
export interface Draft {
  kind: Form;
  /** '': all. */
  service: string;
  instance: string;
  logger: string;
  level: string;
  ttl: string;
  keep: boolean;
  reason: string;
  budget: string;
  user: string;
  tenant: string;
  route: string;
  header: string;
  headerValue: string;
  trace: string;
  message: string;
  profile: string;
  seconds: string;
  before: boolean;
}

export type Wrong = Partial<Record<keyof Draft, string>>;

/** What a form begins with; the address may say whom it is for. */
export function begin(kind: Form, given: Partial<Record<keyof Draft, string>> = {}): Draft {
  const { keep: _, before: __, kind: ___, ...texts } = given;
  return {
    kind,
    service: '',
    instance: '',
    logger: '',
    level: 'DEBUG',
    ttl: kind === 'window' ? '30m' : '15m',
    keep: false,
    reason: '',
    budget: '',
    user: '',
    tenant: '',
    route: '',
    header: '',
    headerValue: '',
    trace: '',
    message: '',
    profile: 'cpu',
    seconds: '10',
    before: false,
    ...texts,
  };
}

const day = 86_400_000;
const uploading = 30; // seconds that an instance gets after a capture to bring it in

/** Whether a profile is of a time; the others are of one moment. */
export const timed = (profile: string) => !['heap', 'goroutine'].includes(profile);

/** What is wrong in the form, by field; empty: nothing that is known before the mesh is asked. */
export function check(d: Draft): Wrong {
  const wrong: Wrong = {};
  const ttl = parseTtl(d.ttl);
  if (!d.reason.trim()) wrong.reason = 'Say why. It stands in the audit, for whoever wonders later.';
  if (usesTtl(d) && !d.keep && (ttl === undefined || ttl > day)) wrong.ttl = 'A time from 1s to 24h, as 90s, 15m or 2h.';
  if (d.budget.trim() && parseBudget(d.budget) === undefined) wrong.budget = 'Lines, as 20000, or bytes, as 5MB or 512KiB.';
  if ((d.kind === 'window' || d.kind === 'profile') && !d.service) wrong.service = `Choose the service: a ${d.kind === 'window' ? 'window' : 'profile'} is of one.`;
  if (d.kind === 'debug') {
    if (![d.user, d.tenant, d.route, d.header, d.trace].some((one) => one.trim())) wrong.user = 'Give at least one condition. Without one it would be a level, for all requests.';
    if (d.header.trim() && !d.headerValue.trim()) wrong.headerValue = 'Say what the header must be.';
    if (d.trace.trim() && !/^[0-9a-f]{32}$/i.test(d.trace.trim())) wrong.trace = 'A trace has 32 hexadecimal digits.';
  }
  const seconds = Number(d.seconds);
  if (d.kind === 'profile' && timed(d.profile) && !(Number.isInteger(seconds) && seconds >= 1 && seconds <= 300)) wrong.seconds = 'Whole seconds, from 1 to 300.';
  return wrong;
}

/** Whether the form asks how long it holds: a capture ends by itself, but for one of what was before. */
export const usesTtl = (d: Draft) => d.kind !== 'profile' || d.before;

/** The lease that the form asks for. */
export function toRequest(d: Draft): Request {
  const text = (value: string) => value.trim() || undefined;
  const base = { kind: d.kind, service: text(d.service), instance: d.service ? text(d.instance) : undefined, reason: d.reason.trim() };
  const hold = d.keep ? { keep: true } : { ttl: text(d.ttl) };
  const budget = parseBudget(d.budget);
  switch (d.kind) {
    case 'level':
      return { ...base, ...hold, logger: text(d.logger), value: d.level, budget };
    case 'debug':
      return {
        ...base,
        ...hold,
        value: {
          level: d.level,
          ...Object.fromEntries((['user', 'tenant', 'route', 'trace'] as const).flatMap((name) => (d[name].trim() ? [[name, d[name].trim()]] : []))),
          ...(d.header.trim() && { header: { name: d.header.trim(), value: d.headerValue.trim() } }),
        },
        budget,
      };
    case 'window':
      return { ...base, ...hold, value: { message: d.message.trim() || base.reason } };
    case 'profile': {
      const seconds = timed(d.profile) ? Number(d.seconds) : 1;
      const value = { profile: d.profile, seconds, ...(d.before && { before: true }) };
      return { ...base, ttl: d.before ? text(d.ttl) : `${seconds + uploading}s`, value, strict: true };
    }
  }
}
