import { expect, it } from 'vitest';
import { begin, check, toRequest } from './draft';

it('begins with what the address says', () => {
  expect(begin('level', { service: 'catalogs', logger: 'catalogs.pg' })).toMatchObject({ kind: 'level', service: 'catalogs', logger: 'catalogs.pg', level: 'DEBUG', ttl: '15m', keep: false });
});

it('asks for a level', () => {
  const draft = { ...begin('level', { service: 'catalogs', logger: 'catalogs.pg', instance: 'catalogs-1' }), reason: ' slow ', budget: '5MB', ttl: '90s' };
  expect(check(draft)).toEqual({});
  expect(toRequest(draft)).toMatchObject({ kind: 'level', service: 'catalogs', instance: 'catalogs-1', logger: 'catalogs.pg', value: 'DEBUG', ttl: '90s', reason: 'slow', budget: { bytes: 5_000_000 } });
  expect(toRequest({ ...draft, keep: true })).not.toHaveProperty('ttl');
  expect(toRequest({ ...draft, service: '' }).instance).toBeUndefined();
});

it('says which inputs are wrong', () => {
  expect(Object.keys(check({ ...begin('level'), ttl: '2d', budget: 'much' }))).toEqual(['reason', 'ttl', 'budget']);
  expect(Object.keys(check({ ...begin('window'), reason: 'x' }))).toEqual(['service']);
  expect(Object.keys(check({ ...begin('debug'), reason: 'x' }))).toEqual(['user']);
  expect(Object.keys(check({ ...begin('debug'), reason: 'x', header: 'X-Canary', trace: 'abc' }))).toEqual(['headerValue', 'trace']);
  expect(Object.keys(check({ ...begin('profile'), reason: 'x', service: 'a', seconds: '400' }))).toEqual(['seconds']);
});

it('asks for the requests of one user', () => {
  const draft = { ...begin('debug'), user: '42', header: 'X-Canary', headerValue: '1', reason: 'x' };
  expect(toRequest(draft).value).toEqual({ level: 'DEBUG', user: '42', header: { name: 'X-Canary', value: '1' } });
});

it('asks for a window with its reason as the message, if it has none', () => {
  expect(toRequest({ ...begin('window', { service: 'catalogs' }), reason: 'disk' }).value).toEqual({ message: 'disk' });
});

it('gives a capture time to be brought in', () => {
  const draft = { ...begin('profile', { service: 'catalogs' }), reason: 'x' };
  expect(toRequest(draft)).toMatchObject({ ttl: '40s', value: { profile: 'cpu', seconds: 10 }, strict: true });
  expect(toRequest({ ...draft, profile: 'heap', seconds: '' })).toMatchObject({ ttl: '31s', value: { profile: 'heap', seconds: 1 } });
  expect(toRequest({ ...draft, profile: 'trace', before: true, ttl: '10m' })).toMatchObject({ ttl: '10m', value: { profile: 'trace', seconds: 10, before: true } });
});
