// @vitest-environment node
import { expect, it } from 'vitest';
import { makePassword, wrongPassword } from './secret';

it('makes passwords that can be read out, and no two alike', () => {
  const made = new Set(Array.from({ length: 100 }, () => makePassword()));
  expect(made.size).toBe(100);
  for (const one of made) expect(one).toMatch(/^([a-hj-km-np-z2-9]{4}-){4}[a-hj-km-np-z2-9]{4}$/);
});

it('throws away what would make some characters more frequent', () => {
  let round = 0;
  expect(makePassword((into) => into.fill(round++ === 0 ? 255 : 0))).toBe('aaaa-aaaa-aaaa-aaaa-aaaa');
});

it('knows what identity would refuse', () => {
  expect(wrongPassword('short')).toMatch('At least 12');
  expect(wrongPassword('annaannaanna', 'Anna')).toMatch('Not the name');
  expect(wrongPassword('long enough it is')).toBeUndefined();
});
