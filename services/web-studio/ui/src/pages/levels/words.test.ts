import { describe, expect, it } from 'vitest';
import { command, parseBudget, parseTtl, targetText, valueText, whatText } from './words';

describe('values', () => {
  it('are said without what is empty', () => {
    expect(valueText('DEBUG')).toBe('DEBUG');
    expect(valueText({ level: 'DEBUG', user: '42', tenant: '', header: null })).toBe('level DEBUG, user 42');
    expect(valueText({ level: 'DEBUG', header: { name: 'X-Canary', value: '1' } })).toBe('level DEBUG, header X-Canary: 1');
    expect(valueText({ destination: 'catalogs', breaker: { failures: 0.5, calls: 0 }, off: true })).toBe('destination catalogs, breaker (failures 0.5), off');
    expect(valueText(undefined)).toBe('');
  });
  it('have words of their own by kind', () => {
    expect(whatText({ kind: 'window', value: { message: 'disk' } })).toBe('disk');
    expect(whatText({ kind: 'profile', value: { profile: 'cpu', seconds: 10 } })).toBe('cpu, 10 s');
    expect(whatText({ kind: 'sampling', value: '0.25' })).toBe('0.25 of the traces');
  });
});

it('says for whom', () => {
  expect(targetText({})).toBe('all services');
  expect(targetText({ service: 'catalogs', instance: 'catalogs-1', logger: 'catalogs.store' })).toBe('catalogs.store on catalogs-1');
});

it('reads budgets', () => {
  expect(parseBudget('20000')).toEqual({ lines: 20_000 });
  expect(parseBudget('20 000 lines')).toEqual({ lines: 20_000 });
  expect(parseBudget('5MB')).toEqual({ bytes: 5_000_000 });
  expect(parseBudget('512 KiB')).toEqual({ bytes: 524_288 });
  for (const none of ['', '0', 'many', '5 ib', '-3', '5 apples']) expect(parseBudget(none), none).toBeUndefined();
});

it('reads times to live', () => {
  expect([parseTtl('15m'), parseTtl('1h30m'), parseTtl('1d'), parseTtl('1500ms')]).toEqual([900_000, 5_400_000, 86_400_000, 1_500]);
  for (const none of ['', '15', 'soon', '0s', '10ms', '-5m']) expect(parseTtl(none), none).toBeUndefined();
});

describe('command', () => {
  const reason = "ticket '12'";
  it('is what the command line takes', () => {
    expect(command({ kind: 'level', service: 'catalogs', logger: 'catalogs.pg', value: 'DEBUG', budget: { lines: 100 }, reason }, '10m')).toBe(
      `signalbox level set catalogs debug --logger catalogs.pg --budget 100 --ttl 10m --reason 'ticket '\\''12'\\'''`,
    );
    expect(command({ kind: 'level', value: 'WARN', keep: true, reason: 'x' })).toBe('signalbox level set all warn --keep --reason x');
    expect(command({ kind: 'debug', value: { level: 'DEBUG', user: '42', header: { name: 'X-Canary', value: '1' } }, reason: 'x' }, '5m')).toBe(
      `signalbox debug --user 42 --header 'X-Canary=1' --ttl 5m --reason x`,
    );
    expect(command({ kind: 'window', service: 'catalogs', value: { message: 'x' }, reason: 'x' }, '30m')).toBe('signalbox window open catalogs --ttl 30m --reason x');
    expect(command({ kind: 'profile', service: 'catalogs', value: { profile: 'cpu', seconds: 10 }, reason: 'x' })).toBe('signalbox profile cpu catalogs --for 10s --reason x');
  });
  it('is none for a kind that has no command', () => expect(command({ kind: 'blackbox', value: {}, reason: 'x' })).toBeUndefined());
});
