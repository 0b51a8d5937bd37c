import { expect, it } from 'vitest';
import { actionText, type Change, changeText, command, done, forWhom, traceOf, who } from './words';

const change = (rest: Partial<Change>): Change => ({ id: 1, at: '2026-11-22T02:49:26Z', actor: 'a', name: 'admin', action: 'lease.set', subject: 's', detail: {}, ...rest });

it('says what was done to whom, by whom', () => {
  const set = change({ service: 'catalogs', detail: { kind: 'level', instance: '', logger: 'catalogs.pg', reason: 'slow' } });
  expect([actionText(set), forWhom(set), who(set)]).toEqual(['set a lease: level', 'catalogs.pg on catalogs', 'admin']);
  expect(who(change({ actor: '', name: 'expiry' }))).toBe('nobody: its time was over');
  expect(actionText(change({ action: 'something.new', detail: null }))).toBe('something.new');
});

it('says what held before and after', () => {
  expect(changeText(change({ before: { value: 'configured', levels: { INFO: 2 } }, after: { value: 'DEBUG', lease_id: 'x' } }))).toBe('configured (2 × INFO) → DEBUG');
  expect(changeText(change({ after: { value: '{"level":"DEBUG","user":"42"}' } }))).toBe('level DEBUG, user 42');
  expect(changeText(change({ before: 'INFO', after: 'DEBUG' }))).toBe('INFO → DEBUG');
  expect(changeText(change({}))).toBe('');
});

it('knows the trace that a targeted debug was for', () => {
  expect(traceOf(change({ before: { value: 'configured' }, after: { value: '{"level":"DEBUG","trace":"4bf92f3577b34da6a3ce929d0e0e4736"}' } }))).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  expect(traceOf(change({ after: { value: '{"level":"DEBUG","user":"42"}' } }))).toBeUndefined();
  expect(traceOf(change({ before: 'INFO' }))).toBeUndefined();
});

it('counts the receipt', () => {
  expect(done(change({}))).toBeUndefined();
  expect(
    done(
      change({
        results: [
          { service: 'a', instance: 'a-1', state: 'applied' },
          { service: 'a', instance: 'a-2', state: 'silent' },
        ],
      }),
    ),
  ).toBe('1 of 2');
});

it('is a command line, too', () => {
  expect(command({ since: '7d', service: 'catalogs', action: 'lease.set', actor: 'some one' })).toBe("signalbox audit catalogs --since 7d --actor 'some one' --action lease.set");
});
