import { describe, expect, it } from 'vitest';
import { begin, check, command, consequence, type Draft, ruleText, time, toRequest } from './rule';

const policy = (more: Partial<Draft>) => ({ ...begin('policy'), reason: 'catalogs is slow', ...more });
const fault = (more: Partial<Draft>) => ({ ...begin('fault'), reason: 'drill', ...more });

it('reads times', () => expect(['300ms', ' 2s', '1.5 s', '2m', '2', 'soon', ''].map(time)).toEqual([300, 2000, 1500, 120_000, undefined, undefined, undefined]));

describe('a policy', () => {
  it('says only what was given', () => {
    const request = toRequest('policy', policy({ timeout: '2s', retries: '0', failures: '50 %', open: '10s' }), 'gateway', 'catalogs');
    expect(request).toEqual({ kind: 'policy', service: 'gateway', ttl: '1h', reason: 'catalogs is slow', value: { destination: 'catalogs', timeout_ms: 2000, retries: 0, breaker: { failures: 0.5, open_ms: 10_000 } } });
    expect(command(request)).toBe("signalbox mesh policy set gateway --to catalogs --timeout 2000ms --retries 0 --breaker-failures 0.5 --breaker-open 10000ms --for 1h --reason 'catalogs is slow'");
  });

  it('that turns all off says nothing else', () => {
    expect(toRequest('policy', policy({ off: true, retries: '3', calls: '9' }), 'a', 'b').value).toEqual({ destination: 'b', off: true });
    expect(check('policy', policy({ off: true, retries: 'many' }))).toEqual({});
  });

  it('is refused where it says nothing, or nothing that can be', () => {
    expect(Object.keys(check('policy', policy({})))).toEqual(['timeout']);
    expect(Object.keys(check('policy', policy({ reason: ' ', timeout: 'soon', retries: '6', budget: '101', failures: '0', calls: '1.5', open: '5', ttl: '2d' }))).sort()).toEqual(['budget', 'calls', 'failures', 'open', 'reason', 'retries', 'timeout', 'ttl']);
  });
});

describe('a fault', () => {
  it('answers both protocols in their own way', () => {
    const request = toRequest('fault', fault({ delay: '300ms' }), 'gateway', 'catalogs');
    expect(request.value).toEqual({ destination: 'catalogs', share: 0.1, delay_ms: 300, status: 503, code: 'UNAVAILABLE' });
    expect(command(request)).toBe('signalbox mesh fault set gateway --to catalogs --share 0.1 --delay 300ms --status 503 --code UNAVAILABLE --for 5m --reason drill');
  });

  it.each([
    [{ protocol: 'http' }, { protocol: 'http', status: 503 }],
    [{ protocol: 'grpc' }, { protocol: 'grpc', code: 'UNAVAILABLE' }],
    [{ does: 'abort' as const }, { abort: true }],
    [{ does: 'delay' as const, delay: '1s' }, { delay_ms: 1000 }],
  ])('of %j', (more, value) => expect(toRequest('fault', fault(more), 'a', 'b').value).toEqual({ destination: 'b', share: 0.1, ...value }));

  it('is refused where it can be none', () => {
    expect(check('fault', fault({}))).toEqual({});
    expect(Object.keys(check('fault', fault({ share: '0', does: 'delay' })))).toEqual(['share', 'delay']);
    expect(Object.keys(check('fault', fault({ share: '200', status: '200' })))).toEqual(['share', 'status']);
  });

  it('is said before it is done', () => {
    expect(consequence(fault({ delay: '300ms' }), 'gateway', 'catalogs')[0]).toBe('10 % of the calls from gateway to catalogs will wait 300ms and fail with status 503 or UNAVAILABLE for 5m. Real requests are among them.');
    expect(consequence(fault({ does: 'abort', protocol: 'http' }), 'a', 'b')[0]).toBe('10 % of the calls from a to b by http will break off for 5m. Real requests are among them.');
  });
});

it('is said in short where it holds', () => {
  expect(ruleText({ kind: 'policy', value: { destination: 'b', timeout_ms: 2000, retries: 0, breaker: { failures: 0.5, open_ms: 10_000 } } })).toBe('timeout 2.0 s, no retries, breaker at 50 %, breaker open for 10 s');
  expect(ruleText({ kind: 'policy', value: { off: true } })).toBe('no retries, no breaker');
  expect(ruleText({ kind: 'fault', value: { destination: 'b', share: 0.005, protocol: 'http', delay_ms: 40, status: 503 } })).toBe('0.5 % of the calls by http, wait 40 ms, status 503');
});
