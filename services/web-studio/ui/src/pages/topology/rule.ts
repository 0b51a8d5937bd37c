import type { Request } from '~/pages/levels/queries';
import { parseTtl } from '~/pages/levels/words';
import { duration } from '~/ui/format';
import type { Lease } from './model';

export type Kind = 'policy' | 'fault';

/** What stands in the form of a policy or a fault: texts, as they were typed. */
export interface Draft {
  timeout: string;
  retries: string;
  budget: string;
  failures: string;
  calls: string;
  open: string;
  off: boolean;
  protocol: string;
  share: string;
  delay: string;
  does: 'delay' | 'status' | 'abort';
  status: string;
  code: string;
  ttl: string;
  reason: string;
}

export type Wrong = Partial<Record<keyof Draft, string>>;

export const begin = (kind: Kind): Draft => ({
  timeout: '', retries: '', budget: '', failures: '', calls: '', open: '', off: false,
  protocol: '', share: '10', delay: '', does: 'status', status: '503', code: 'UNAVAILABLE',
  ttl: kind === 'fault' ? '5m' : '1h', reason: '',
});

const given = (text: string) => text.trim() !== '';
const number = (text: string) => (given(text) ? Number(text.trim().replace('%', '')) : undefined);
const within = (text: string, least: number, most: number) => {
  const n = number(text);
  return n === undefined || (n >= least && n <= most);
};
const whole = (text: string, least: number, most: number) => within(text, least, most) && (!given(text) || Number.isInteger(number(text)));

/** Milliseconds of 300ms or 2s; undefined: nothing, or no time. */
export function time(text: string): number | undefined {
  const [, n, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m)\s*$/.exec(text) ?? [];
  return n === undefined ? undefined : Math.round(Number(n) * ({ ms: 1, s: 1_000, m: 60_000 } as Record<string, number>)[unit as string]!);
}

const noTime = (text: string) => given(text) && !time(text);

/** What is wrong in the form, by field; empty: nothing that is known before the mesh is asked. */
export function check(kind: Kind, d: Draft): Wrong {
  const wrong: Wrong = {};
  const ttl = parseTtl(d.ttl);
  if (!given(d.reason)) wrong.reason = 'Say why. It stands in the audit, for whoever wonders later.';
  if (ttl === undefined || ttl > 86_400_000) wrong.ttl = 'A time from 1s to 24h, as 90s, 15m or 2h.';
  if (kind === 'policy') {
    if (noTime(d.timeout)) wrong.timeout = 'A time, as 500ms or 2s.';
    if (!d.off && !whole(d.retries, 0, 5)) wrong.retries = 'A number from 0 to 5.';
    if (!d.off && !within(d.budget, 0, 100)) wrong.budget = 'A share from 0 to 100 percent.';
    if (!d.off && given(d.failures) && !within(d.failures, 0.1, 100)) wrong.failures = 'A share up to 100 percent.';
    if (!d.off && !whole(d.calls, 1, 1_000_000)) wrong.calls = 'A number from 1 on.';
    if (!d.off && noTime(d.open)) wrong.open = 'A time, as 5s.';
    if (!d.off && ![d.timeout, d.retries, d.budget, d.failures, d.calls, d.open].some(given)) wrong.timeout = 'Say at least one thing that is not as by default.';
    return wrong;
  }
  if (!given(d.share) || !within(d.share, 0.01, 100)) wrong.share = 'A share above 0, up to 100 percent.';
  if (noTime(d.delay)) wrong.delay = 'A time, as 300ms or 2s.';
  if (d.does === 'delay' && !given(d.delay)) wrong.delay = 'Say how long the calls wait.';
  if (d.does === 'status' && d.protocol !== 'grpc' && !(given(d.status) && whole(d.status, 400, 599))) wrong.status = 'A status from 400 to 599.';
  return wrong;
}

const share = (text: string) => {
  const n = number(text);
  return n === undefined ? undefined : n / 100;
};

/** The lease that the form asks for, of the calls from source to destination. */
export function toRequest(kind: Kind, d: Draft, source: string, destination: string): Request {
  const base = { kind, service: source, ttl: d.ttl.trim(), reason: d.reason.trim() };
  const clean = (value: Record<string, unknown>) => Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined && v !== '' && v !== false));
  if (kind === 'policy') {
    const breaker = clean({ failures: share(d.failures), calls: number(d.calls), open_ms: time(d.open) });
    const rest = d.off ? { off: true } : { retries: number(d.retries), retry_budget: share(d.budget), breaker: Object.keys(breaker).length > 0 ? breaker : undefined };
    return { ...base, value: clean({ destination, timeout_ms: time(d.timeout), ...rest }) };
  }
  const answer = d.does === 'abort' ? { abort: true } : d.does === 'status' ? { status: d.protocol === 'grpc' ? undefined : number(d.status), code: d.protocol === 'http' ? undefined : d.code } : {};
  return { ...base, value: clean({ destination, protocol: d.protocol, share: share(d.share), delay_ms: time(d.delay), ...answer }) };
}

/** The same on the command line. */
export function command(request: Request): string {
  const v = request.value as Record<string, unknown> & { breaker?: Record<string, number> };
  const quote = (text: string) => (/^[\w./:@+-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`);
  const flag = (name: string, value: unknown, unit = '') => (value === undefined ? '' : value === true ? ` --${name}` : ` --${name} ${quote(`${value}${unit}`)}`);
  const head = `signalbox mesh ${request.kind} set ${request.service} --to ${v.destination}`;
  const tail = `${flag('for', request.ttl)}${flag('reason', request.reason)}`;
  if (request.kind === 'policy') {
    const b = v.breaker;
    return `${head}${flag('timeout', v.timeout_ms, 'ms')}${flag('retries', v.retries)}${flag('retry-budget', v.retry_budget)}${flag('breaker-failures', b?.failures)}${flag('breaker-calls', b?.calls)}${flag('breaker-open', b?.open_ms, 'ms')}${flag('off', v.off)}${tail}`;
  }
  return `${head}${flag('protocol', v.protocol)}${flag('share', v.share)}${flag('delay', v.delay_ms, 'ms')}${flag('status', v.status)}${flag('code', v.code)}${flag('abort', v.abort)}${tail}`;
}

/** What a policy or a fault that holds does, in short: "timeout 2 s, no retries". */
export function ruleText({ kind, value }: Pick<Lease, 'kind' | 'value'>): string {
  const v = (typeof value === 'object' ? value : {}) as Partial<Record<string, unknown>> & { breaker?: Partial<Record<string, number>> };
  const percent = (n: unknown) => `${Math.round(1000 * Number(n)) / 10} %`;
  const parts: unknown[] =
    kind === 'fault'
      ? [`${percent(v.share)} of the calls${v.protocol ? ` by ${v.protocol}` : ''}`, v.delay_ms && `wait ${duration(Number(v.delay_ms))}`, v.status && `status ${v.status}`, v.code, v.abort && 'break off']
      : [
          v.timeout_ms && `timeout ${duration(Number(v.timeout_ms))}`,
          v.off && 'no retries, no breaker',
          v.retries !== undefined && (v.retries === 0 ? 'no retries' : `retries ${v.retries}`),
          v.retry_budget !== undefined && `retry budget ${percent(v.retry_budget)}`,
          v.breaker?.failures && `breaker at ${percent(v.breaker.failures)}`,
          v.breaker?.calls && `breaker from ${v.breaker.calls} calls`,
          v.breaker?.open_ms && `breaker open for ${duration(v.breaker.open_ms)}`,
        ];
  return parts.filter(Boolean).join(', ');
}

/** What a fault will do, in sentences. */
export function consequence(d: Draft, source: string, destination: string): string[] {
  const calls = `${d.share.trim().replace('%', '')} % of the calls from ${source} to ${destination}${d.protocol ? ` by ${d.protocol}` : ''}`;
  const wait = given(d.delay) ? `wait ${d.delay.trim()}` : '';
  const answers = [d.protocol !== 'grpc' && `status ${d.status}`, d.protocol !== 'http' && d.code].filter(Boolean).join(' or ');
  const end = d.does === 'abort' ? 'break off' : d.does === 'status' ? `fail with ${answers}` : '';
  return [`${calls} will ${[wait, end].filter(Boolean).join(' and ')} for ${d.ttl.trim()}. Real requests are among them.`, `${destination} sees none of ${d.does === 'delay' ? 'the delay' : 'these calls'}. Logs, heartbeats and leases are never touched.`, 'It ends by itself, and can be ended before.'];
}
