import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { fireEvent, render, screen } from '@testing-library/react';
import { createRef } from 'react';
import { expect, it, vi } from 'vitest';
import { QueryBar } from './QueryBar';

vi.mock('~/api/client', () => ({
  api: { GET: vi.fn() },
  ask: async () => ({ values: [{ value: 'catalogs', count: 9 }, { value: 'gateway', count: 5 }, { value: 'a b', count: 1 }] }),
}));

function bar(query = '') {
  const onSearch = vi.fn();
  const field = createRef<HTMLInputElement>();
  render(
    <QueryClientProvider client={new QueryClient()}>
      <QueryBar query={query} since="1h" attributes={['user_id']} onSearch={onSearch} field={field} />
    </QueryClientProvider>,
  );
  const input = screen.getByLabelText<HTMLInputElement>('Query');
  const type = (value: string) => fireEvent.change(input, { target: { value, selectionStart: value.length } });
  return { onSearch, input, type, key: (key: string) => fireEvent.keyDown(input, { key }) };
}

it('completes a name with the keyboard, and searches', () => {
  const { input, type, key, onSearch } = bar();
  type('us');
  key('ArrowDown');
  expect(input.getAttribute('aria-activedescendant')).toBeTruthy();
  key('Enter');
  expect(input.value).toBe('user_id=');
  type('user_id=42 ');
  fireEvent.submit(input);
  expect(onSearch).toHaveBeenCalledWith('user_id=42');
});

it('completes a value from what is in the log, in quotes where it needs them', async () => {
  const { input, type } = bar();
  type('service:');
  fireEvent.click(await screen.findByText('a b'));
  expect(input.value).toBe('service:"a b" ');
});

it('completes levels without asking, and leaves quotes alone', () => {
  const { type } = bar();
  type('level>=w');
  expect(screen.getByText('warn')).toBeTruthy();
  type('"level>=w');
  expect(screen.queryByText('warn')).toBeNull();
});

it('follows the address', () => expect(bar('level:error').input.value).toBe('level:error'));
