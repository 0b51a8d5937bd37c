// @vitest-environment node
import { expect, it } from 'vitest';
import { fieldText, policies } from './policies';

const of = (spec: Parameters<typeof policies>[0]) => Object.fromEntries(policies(spec));

it('says what was chosen', () => {
  expect(of({ misfire: 'all', window_seconds: 7200, catch_up_per_second: 10 }).Missed).toBe('All that was missed within 2 h fires, oldest first, at most 10 in a second.');
  expect(of({ misfire: 'once', window_seconds: 86400 }).Missed).toBe('Of what was missed within 1 d, the newest fires once and stands for the others.');
  expect(of({ attempts: 5, backoff_ms: 1000, deadline_ms: 90_000 })).toMatchObject({
    Attempts: 'There are 5 attempts; the second comes 1 s after the first, each further one after twice the time, an hour at most.',
    Deadline: 'One attempt may take 1 min 30 s.',
  });
  expect(of({ target: 'http', url: 'https://hooks.example/x' }).Goes).toBe('By HTTP to https://hooks.example/x.');
});

it('shows each field of two specs side by side', () => {
  expect(fieldText({ every_seconds: 90 }, 'every_seconds')).toBe('1 min 30 s');
  expect(fieldText({ except: ['2026-12-25', '2026-12-26'] }, 'except')).toBe('2026-12-25, 2026-12-26');
  expect(fieldText({ payload: { a: 1 } }, 'payload')).toBe('{"a":1}');
  expect(fieldText({}, 'cron')).toBe('—');
});
