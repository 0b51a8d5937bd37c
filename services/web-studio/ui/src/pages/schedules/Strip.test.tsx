import { createRootRoute, createRouter, RouterProvider } from '@tanstack/react-router';
import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { Strip } from './Strip';
import type { Recent } from './words';

const fires: Recent[] = [
  { id: 'a.b@3', due: '2026-11-22T03:00:00Z', state: 'failed', reason: 'handler-failed' },
  { id: 'a.b@2', due: '2026-11-22T02:00:00Z', state: 'skipped', reason: 'paused', missed: 4 },
  { id: 'a.b@1', due: '2026-11-22T01:00:00Z', state: 'done', duration_ms: 400 },
];

vi.stubGlobal('scrollTo', () => undefined); // of which jsdom knows nothing

it('shows the oldest first, by words and by shapes, and leads to each', async () => {
  render(<RouterProvider router={createRouter({ routeTree: createRootRoute({ component: () => <Strip schedule="a.b" fires={fires} /> }) }) as never} />);
  const list = await screen.findByRole('list', { name: 'Last fires of a.b: 1 done, 1 failed, 1 left out' });
  const links = screen.getAllByRole('link');
  expect(links.map((l) => l.getAttribute('aria-label')?.replace(/ due [^,]*/, ''))).toEqual(['done,, took 400 ms', 'left out: paused,, 4 due times', 'failed: handler failed,']);
  expect(new Set(links.map((l) => l.innerHTML)).size).toBe(3); // not by colour alone
  expect(links.map((l) => l.tabIndex)).toEqual([-1, -1, 0]);
  links[2]?.focus();
  fireEvent.keyDown(list, { key: 'ArrowLeft' });
  expect(document.activeElement).toBe(links[1]);
  expect(decodeURIComponent(links[0]?.getAttribute('href') ?? '')).toContain('/schedules/a.b?fire=a.b@1');
});
