// @vitest-environment node
import { expect, it } from 'vitest';
import { describe, holds, holdsForAll, type User, whyNot } from './roles';

const user = (...grants: User['grants']): User => ({ id: '', name: 'anna', display_name: '', disabled: false, has_password: true, grants, created_at: '', updated_at: '' });

it('admin is operator is viewer, within the scope', () => {
  const anna = user({ role: 'viewer' }, { role: 'operator', services: ['catalogs'] });
  expect(holds(anna, 'viewer', 'gateway')).toBe(true);
  expect(holds(anna, 'operator')).toBe(true);
  expect(holds(anna, 'operator', 'catalogs')).toBe(true);
  expect(holds(anna, 'operator', 'gateway')).toBe(false);
  expect(holdsForAll(anna, 'operator')).toBe(false);
  expect(holds(user({ role: 'admin' }), 'operator', 'gateway')).toBe(true);
  expect(holds(user({ role: 'builder' }), 'viewer')).toBe(false);
  expect(whyNot(anna, 'operator', 'gateway')).toMatch('role operator for gateway');
  expect(whyNot(anna, 'operator', 'catalogs')).toBeUndefined();
  expect(whyNot(anna, 'operator', undefined, true)).toMatch('role operator for all services');
  expect(whyNot(anna, 'viewer', undefined, true)).toBeUndefined();
  expect(describe(anna)).toBe('viewer; operator of catalogs');
});
