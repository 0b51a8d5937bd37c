import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import type { Instance } from '~/pages/fleet/fleet';
import { Checks } from './Checks';

const now = Date.parse('2026-11-22T12:00:00Z');
const ago = (seconds: number) => new Date(now - seconds * 1000).toISOString();

it('shows what has happened to a check, newest first, and says it in words', () => {
  const instance = { state: 'live', health: 'up', heard_at: ago(1), started_at: ago(3000), checks: [{ name: 'db', status: 'up', node: 'postgresql', weight: 'down', since: ago(300) }, { name: 'bus', status: 'up', since: ago(2900) }] } as unknown as Instance;
  const history = [
    { check: '', from: '', to: 'up', at: ago(3000) },
    { check: 'bus', from: '', to: 'up', at: ago(2900) },
    { check: 'db', from: '', to: 'up', at: ago(2900) },
    { check: 'db', from: 'up', to: 'down', at: ago(400), error: 'connection refused' },
    { check: 'db', from: 'down', to: 'up', at: ago(300) },
  ];
  const onRange = vi.fn();
  const { container } = render(<Checks instance={instance} history={history} now={now} range="24h" onRange={onRange} />);
  expect(screen.getByRole('img', { name: /^db: up since .*; down at .* for 1 min 40 s: connection refused$/ })).toBeTruthy();
  expect(screen.getByRole('img', { name: /^bus: up/ })).toBeTruthy();
  expect(screen.getByText('up 96.6 % of the time')).toBeTruthy();
  expect(screen.getByText('asks after postgresql; the instance needs it')).toBeTruthy();
  expect(container.querySelectorAll('rect.sb-is-down title')[0]?.textContent).toContain('connection refused');
  fireEvent.click(screen.getByRole('button', { name: 'What has happened to db: 3 changes' }));
  expect(screen.getAllByRole('listitem').map((li) => li.textContent).filter((t) => /^2026-/.test(t ?? '')).map((t) => t?.slice(20))).toEqual(['down → up', 'up → down connection refused', 'up']);
  fireEvent.click(screen.getByText('7d'));
  expect(onRange).toHaveBeenCalledWith('7d');
});

it('does not speak of what merely began', () => {
  const instance = { state: 'live', health: 'up', heard_at: ago(1), started_at: ago(30), checks: [{ name: 'bus', status: 'up', since: ago(30) }] } as unknown as Instance;
  render(<Checks instance={instance} history={[{ check: 'bus', from: '', to: 'up', at: ago(30) }]} now={now} range="1h" onRange={vi.fn()} />);
  expect(screen.queryByText(/What has happened/)).toBeNull();
  expect(screen.queryByText(/of the time/)).toBeNull();
});
