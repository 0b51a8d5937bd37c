import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { useTyped } from './useTyped';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function field(patience?: number) {
  const change = vi.fn();
  const hook = renderHook(({ value }) => useTyped(value, change, patience), { initialProps: { value: '' } });
  return {
    change,
    text: () => hook.result.current[0],
    type: (text: string) => act(() => hook.result.current[1](text)),
    comes: (value: string) => hook.rerender({ value }),
  };
}

it('keeps what is typed while the address is behind', () => {
  const { change, text, type, comes } = field();
  type('c');
  type('ca');
  type('cat');
  expect(text()).toBe('cat');
  comes('c');
  expect(text()).toBe('cat');
  comes('cat'); // one was passed over
  expect(text()).toBe('cat');
  expect(change.mock.calls).toEqual([['c'], ['ca'], ['cat']]);
});

it('follows the address where that has something else', () => {
  const { text, type, comes } = field();
  comes('level');
  expect(text()).toBe('level');
  type('levels');
  comes('levels');
  comes('level'); // the way back
  expect(text()).toBe('level');
  comes('');
  expect(text()).toBe('');
});

it('tells when nobody types any more, and not what another one has replaced', () => {
  const { change, text, type, comes } = field(250);
  type('r');
  type('re');
  act(() => vi.advanceTimersByTime(249));
  expect(change).not.toHaveBeenCalled();
  act(() => vi.advanceTimersByTime(1));
  expect(change.mock.calls).toEqual([['re']]);
  comes('re');
  type('ret');
  comes('elsewhere');
  act(() => vi.advanceTimersByTime(1_000));
  expect(text()).toBe('elsewhere');
  expect(change).toHaveBeenCalledTimes(1);
});
