import { expect, it } from 'vitest';
import { left } from './Remaining';

it('counts whole seconds down', () => {
  expect([left(252_000), left(59_001), left(4_900), left(1), left(0), left(-3_000)]).toEqual(['4 min 12 s left', '1 min left', '5 s left', '1 s left', 'ending', 'ending']);
});
