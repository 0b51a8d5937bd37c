import { act, renderHook, waitFor } from '@testing-library/react';
import { beforeEach, expect, it, vi } from 'vitest';
import { useRecords } from './useRecords';

interface Asked {
  query: { q: string; cursor?: string };
  signal: AbortSignal;
  answer: (page: { records: { id: string; ts: string }[]; next?: string }) => void;
}

const asked: Asked[] = [];

vi.mock('~/api/client', () => ({
  api: { GET: (_: string, { params, signal }: { params: { query: Asked['query'] }; signal: AbortSignal }) => new Promise((answer) => asked.push({ query: params.query, signal, answer })) },
  ask: (answer: unknown) => answer,
}));

beforeEach(() => void asked.splice(0));

const page = (id: string, next?: string) => ({ records: [{ id, ts: '2026-11-22T12:00:00Z' }], next });

it('goes on where its own view ended, whatever comes late of another one', async () => {
  const { result, rerender } = renderHook(({ q }) => useRecords({ q, since: '1h', live: false }, false), { initialProps: { q: 'a' } });
  await act(async () => asked[0]?.answer(page('a1', 'behind a1')));
  act(() => result.current.more?.());
  expect(asked[1]?.query).toMatchObject({ q: 'a', cursor: 'behind a1' });
  rerender({ q: 'b' });
  expect(asked[1]?.signal.aborted).toBe(true);
  await act(async () => asked[2]?.answer(page('b1', 'behind b1')));
  await act(async () => asked[1]?.answer(page('a2', 'behind a2')));
  await waitFor(() => expect(result.current.rows.map((r) => r.key)).toEqual(['b1']));
  act(() => result.current.more?.());
  act(() => result.current.more?.()); // which is asked for already
  expect(asked.slice(3).map((a) => a.query.cursor)).toEqual(['behind b1']);
  await act(async () => asked[3]?.answer(page('b2')));
  expect(result.current.rows.map((r) => r.key)).toEqual(['b1', 'b2']);
  expect(result.current.more).toBeUndefined();
});
