import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { Changes } from './Changes';
import type { Change } from './words';

const set: Change = {
  id: 7,
  at: '2026-11-22T02:49:26Z',
  actor: '01a2',
  name: 'ann',
  action: 'lease.set',
  service: 'catalogs',
  subject: 'lease-1',
  before: { value: 'configured', levels: { INFO: 2 } },
  after: { value: 'DEBUG', lease_id: 'lease-1' },
  detail: { kind: 'level', logger: 'catalogs.pg', reason: 'slow lists' },
  results: [
    { service: 'catalogs', instance: 'catalogs-1', state: 'applied' },
    { service: 'catalogs', instance: 'catalogs-2', state: 'silent' },
  ],
};
const end: Change = { ...set, id: 8, actor: '', name: 'expiry', action: 'lease.expire', results: null };

it('shows who changed what, why, and how many have done it', () => {
  const onOpen = vi.fn();
  const onActor = vi.fn();
  render(<Changes changes={[end, set]} onOpen={onOpen} onActor={onActor} />);
  const [, first, second] = screen.getAllByRole('row').map((row) => row.textContent);
  expect(second).toContain('annset a lease: levelcatalogs.pg on catalogsconfigured (2 × INFO) → DEBUGslow lists1 of 2');
  expect(first).toContain('nobody: its time was overlease ran out: level');
  fireEvent.click(screen.getByRole('button', { name: 'set a lease: level: show change 7' }));
  expect(onOpen).toHaveBeenCalledWith(7);
  fireEvent.click(screen.getByRole('button', { name: 'Only what ann did' }));
  expect(onActor).toHaveBeenCalledWith('ann');
  expect(screen.queryByRole('button', { name: /Only what nobody/ })).toBeNull();
});
