// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { Spec } from '~/pages/schedules/words';
import { differs, fresh, toDraft, toSpec } from './draft';
import { parseSpan, spanText } from './span';

const berlin: Spec = { ...fresh, cron: '0 2 * * *', time_zone: 'Europe/Berlin', start: '2026-12-01T00:00:00.5Z', except: ['2026-12-25'], payload: { a: [1, 2.5, null] } };

it('leaves what nobody touched as it is', () => {
  for (const spec of [berlin, { ...fresh, every_seconds: 5400, anchor: '2026-11-21T08:05:00Z' }, { ...fresh, calendar: ['2026-12-24 18:00'] }, { ...fresh, at: '2026-12-24T17:00:00Z', target: 'http', url: 'https://x.example/y' } as Spec]) {
    expect(toSpec(toDraft(spec), spec)).toEqual({ spec, wrong: {} });
  }
});

it('reads instants by the clocks of the zone that is chosen', () => {
  const draft = { ...toDraft(berlin), start: '2026-12-24 18:00' };
  expect(toSpec(draft, berlin).spec.start).toBe('2026-12-24T17:00:00Z');
  expect(toSpec({ ...draft, zone: 'UTC' }, berlin).spec.start).toBe('2026-12-24T18:00:00Z');
  expect(toSpec({ ...toDraft(berlin), zone: 'UTC' }, berlin).spec.start).toBe('2026-12-01T01:00:00Z'); // what stands in the form is what is meant
});

it('takes one timing, and drops the others', () => {
  const { spec } = toSpec({ ...toDraft(berlin), kind: 'every', every: '15m' }, berlin);
  expect(spec).toMatchObject({ every_seconds: 900 });
  expect(spec.cron).toBeUndefined();
});

it('says what is wrong, with its field', () => {
  const wrong = (d: Partial<ReturnType<typeof toDraft>>) => toSpec({ ...toDraft(berlin), ...d }, berlin).wrong;
  expect(wrong({ cron: ' ' })).toEqual({ cron: 'Say when it is due.' });
  expect(Object.keys(wrong({ kind: 'every', every: '1.5s', jitter: '300ms', attempts: 'many', start: 'soon' }))).toEqual(['every', 'start', 'jitter', 'attempts']);
  expect(wrong({ payload: '{' }).payload).toMatch(/^It is no JSON/);
  expect(wrong({ payload: '{"id": 12345678901234567890}' }).payload).toMatch(/more digits/);
  expect(wrong({ target: 'http' })).toEqual({ url: 'Say where it goes.' });
});

it('knows in which fields two specs differ', () => {
  expect(differs(berlin, { ...berlin, cron: '0 3 * * *', except: [] }, Object.keys(berlin))).toEqual(['cron', 'except']);
});

describe('lengths of time', () => {
  it('are written so that they are read again', () => {
    for (const ms of [1, 1500, 90_000, 5_400_000, 86_400_000, 90_061_001]) expect(parseSpan(spanText(ms))).toBe(ms);
    expect([spanText(0), spanText(5_400_000), spanText(86_400_000)]).toEqual(['', '1h30m', '1d']);
  });
  it('are read as people write them, and nothing else', () => {
    expect([parseSpan('1 h 30 min'), parseSpan('90S'), parseSpan('15'), parseSpan('soon'), parseSpan('')]).toEqual([5_400_000, 90_000, undefined, undefined, undefined]);
  });
});
