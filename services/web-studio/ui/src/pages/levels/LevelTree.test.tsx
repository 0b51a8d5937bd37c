import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import type { User } from '~/session/roles';
import { LevelTree } from './LevelTree';
import { build, type Level } from './tree';

const level = (instance: string, logger: string, rest: Partial<Level> = {}): Level => ({ service: 'catalogs', instance, logger, configured: 'INFO', effective: 'INFO', ...rest });
const debug = { leased: 'DEBUG', effective: 'DEBUG', lease_id: 'a', remaining_ms: 90_000, owner: 'ann', reason: 'slow lists' };
const levels = [level('catalogs-1', '', debug), level('catalogs-2', ''), level('catalogs-1', 'catalogs.pg', debug), level('catalogs-2', 'catalogs.pg')];

function show(open: string[], grants: User['grants']) {
  const client = new QueryClient();
  client.setQueryData(['me'], { id: '1', name: 'somebody', grants } as unknown as User);
  const did = { onToggle: vi.fn(), onChange: vi.fn(), onOpenLease: vi.fn() };
  render(
    <QueryClientProvider client={client}>
      <LevelTree services={build(levels)} leases={[]} asked={Date.now()} isOpen={(key) => open.includes(key)} {...did} />
    </QueryClientProvider>,
  );
  return did;
}

const texts = () => screen.getAllByRole('row').map((row) => row.textContent);

it('shows of a closed service how it is as a whole', () => {
  const { onToggle } = show([], [{ role: 'operator' }] as User['grants']);
  expect(texts()).toHaveLength(2);
  expect(texts()[1]).toMatch(/catalogs2 instances, 2 changedINFODEBUGDEBUGINFO1 min 30 s left, annslow lists/);
  fireEvent.click(screen.getByRole('button', { name: 'Loggers of catalogs' }));
  expect(onToggle).toHaveBeenCalledWith('catalogs');
});

it('shows each instance where it is open, and changes what was pointed at', () => {
  const { onChange, onOpenLease } = show(['catalogs', 'catalogs:catalogs.pg'], [{ role: 'operator' }] as User['grants']);
  expect(texts()).toHaveLength(7); // the head, the service with two instances, the logger with two
  fireEvent.click(screen.getByRole('button', { name: 'Change the level of catalogs.pg on catalogs-2' }));
  expect(onChange).toHaveBeenCalledWith({ service: 'catalogs', logger: 'catalogs.pg', instance: 'catalogs-2' });
  fireEvent.click(screen.getAllByRole('button', { name: /1 min 30 s left ?, ann/ })[0] as HTMLElement);
  expect(onOpenLease).toHaveBeenCalledWith('a');
});

it('lets a viewer change nothing', () => {
  const { onChange } = show([], [{ role: 'viewer' }] as User['grants']);
  const button = screen.getByRole('button', { name: 'Change the level of catalogs' });
  expect(button.getAttribute('aria-disabled')).toBe('true');
  fireEvent.click(button);
  expect(onChange).not.toHaveBeenCalled();
});
