import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import type { User } from '~/session/roles';
import { ChangeDialog } from './ChangeDialog';
import type { Form } from './draft';

const level = (service: string, instance: string) => ({ service, instance, logger: '', configured: 'INFO', effective: 'INFO' });

function show(kind: Form, grants: User['grants'], service = '') {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Number.POSITIVE_INFINITY } } });
  client.setQueryData(['me'], { id: '1', name: 'somebody', display_name: '', grants } as unknown as User);
  client.setQueryData(['levels'], [level('catalogs', 'catalogs-1'), level('catalogs', 'catalogs-2'), level('gateway', 'gateway-1')]);
  const onDone = vi.fn();
  render(
    <QueryClientProvider client={client}>
      <ChangeDialog kind={kind} given={{ service }} onDone={onDone} onClose={() => {}} />
    </QueryClientProvider>,
  );
  return onDone;
}

const type = (label: string, value: string) => fireEvent.change(screen.getByRole('textbox', { name: new RegExp(label) }), { target: { value } });

it('says what a window does before it is opened, and keeps the form when it is not', async () => {
  const onDone = show('window', [{ role: 'operator' }] as User['grants'], 'catalogs');
  fireEvent.click(screen.getByText('Open the window…'));
  expect(await screen.findByText(/Say why/)).toBeTruthy();
  type('Reason', 'the disk');
  fireEvent.click(screen.getByText('Open the window…'));
  expect(await screen.findByText('Take catalogs out of service?')).toBeTruthy();
  expect(screen.getByText(/2 instances will say “out of service” for 30m/)).toBeTruthy();
  expect(screen.getByText(/callers get 503/)).toBeTruthy();
  fireEvent.click(screen.getByText('Cancel'));
  expect((screen.getByRole('textbox', { name: /Reason/ }) as HTMLInputElement).value).toBe('the disk');
  expect(onDone).not.toHaveBeenCalled();
});

it('offers to who operates one service that one alone', () => {
  show('debug', [{ role: 'viewer' }, { role: 'operator', services: ['catalogs'] }] as User['grants']);
  expect(screen.getByText(/A change for all services needs the role operator for all of them/)).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Debug them' }).getAttribute('aria-disabled')).toBe('true');
  fireEvent.change(screen.getByLabelText('Service'), { target: { value: 'catalogs' } });
  expect(screen.queryByText(/needs the role operator for all/)).toBeNull();
  expect(screen.getByRole('button', { name: 'Debug them' }).getAttribute('aria-disabled')).toBeNull();
  expect((screen.getByRole('option', { name: 'gateway (not yours to change)' }) as HTMLOptionElement).disabled).toBe(true);
});

it('lets a viewer see what there would be to set, and says why not', () => {
  show('profile', [{ role: 'viewer' }] as User['grants'], 'catalogs');
  expect(screen.getByText(/This needs the role operator for catalogs/)).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Capture it' }).getAttribute('aria-disabled')).toBe('true');
});
