// @vitest-environment node
import { describe, expect, it } from 'vitest';
import type { User } from '~/session/roles';
import { choose, chosen, covers, difference, type Grant, grantsText, looksAfterUsers } from './grants';

const user = (grants: Grant[]) => ({ id: '', name: 'anna', display_name: '', disabled: false, has_password: true, grants, created_at: '', updated_at: '' }) satisfies User;

it('says grants in words', () => {
  expect(grantsText([])).toBe('no role');
  expect(grantsText([{ role: 'viewer' }, { role: 'operator', services: ['catalogs', 'gateway', 'scheduler'] }])).toBe('viewer for all services; operator for catalogs, gateway and scheduler');
});

describe('the form', () => {
  it('holds what there is, and asks for the same', () => {
    const grants: Grant[] = [{ role: 'viewer' }, { role: 'operator', services: ['catalogs', 'scheduler'] }];
    expect(chosen(choose(grants))).toEqual(grants);
    expect(choose(grants).operator).toEqual({ scope: 'some', services: ['catalogs', 'scheduler'] });
  });
  it('takes a role for all services for wider than any', () => {
    expect(chosen(choose([{ role: 'viewer', services: ['catalogs'] }, { role: 'viewer' }]))).toEqual([{ role: 'viewer' }]);
  });
  it('never makes an empty scope, which would mean everything', () => {
    expect(chosen({ ...choose([]), admin: { scope: 'some', services: [] } })).toEqual([]);
  });
});

describe('what changes', () => {
  const diff = (before: Grant[], after: Grant[]) => difference(before, after);
  it('is nothing where nothing does', () => expect(diff([{ role: 'viewer' }], [{ role: 'viewer' }])).toEqual({ gives: [], takes: [] }));
  it('is what is given', () => expect(diff([], [{ role: 'operator', services: ['catalogs'] }])).toEqual({ gives: ['operator for catalogs'], takes: [] }));
  it('is what is taken', () => expect(diff([{ role: 'admin' }], [{ role: 'viewer' }])).toEqual({ gives: ['viewer for all services'], takes: ['admin for all services'] }));
  it('is each side of another scope', () => {
    expect(diff([{ role: 'operator', services: ['catalogs', 'gateway'] }], [{ role: 'operator', services: ['gateway', 'scheduler'] }])).toEqual({ gives: ['operator for scheduler'], takes: ['operator for catalogs'] });
  });
  it('is a narrower scope', () => expect(diff([{ role: 'viewer' }], [{ role: 'viewer', services: ['catalogs'] }])).toEqual({ gives: [], takes: ['viewer for all services but catalogs'] }));
  it('is a wider scope', () => expect(diff([{ role: 'viewer', services: ['catalogs'] }], [{ role: 'viewer' }])).toEqual({ gives: ['viewer for all services'], takes: [] }));
});

it('knows who holds less than another', () => {
  const local = user([{ role: 'admin', services: ['identity', 'catalogs'] }]);
  expect(covers(user([{ role: 'admin' }]), [{ role: 'admin' }, { role: 'builder' }])).toBe(true);
  expect(covers(local, [])).toBe(true);
  expect(covers(local, [{ role: 'viewer', services: ['catalogs'] }])).toBe(true);
  expect(covers(local, [{ role: 'viewer', services: ['catalogs', 'scheduler'] }])).toBe(false);
  expect(covers(local, [{ role: 'viewer' }])).toBe(false);
  expect(covers(user([{ role: 'operator' }]), [{ role: 'viewer' }])).toBe(true);
  expect(covers(user([{ role: 'viewer' }]), [{ role: 'operator', services: ['catalogs'] }])).toBe(false);
  expect(covers(undefined, [{ role: 'viewer' }])).toBe(false);
});

it('knows who looks after users', () => {
  expect(looksAfterUsers([{ role: 'admin' }])).toBe(true);
  expect(looksAfterUsers([{ role: 'admin', services: ['identity'] }])).toBe(true);
  expect(looksAfterUsers([{ role: 'admin', services: ['catalogs'] }, { role: 'operator' }])).toBe(false);
});
