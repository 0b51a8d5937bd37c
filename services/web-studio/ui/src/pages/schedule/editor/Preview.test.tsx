import type { UseQueryResult } from '@tanstack/react-query';
import { render, screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import type { Schema } from '~/api/client';
import { ApiError } from '~/api/problem';
import { Preview } from './Preview';

type Times = UseQueryResult<Schema<'scheduler.Next'>>;
const answered = (items: string[]) => ({ data: { items, time_zone: 'Europe/Berlin', text: 'at 02:00 every day, Europe/Berlin' }, isError: false }) as unknown as Times;

it('says when it will be due, by the clocks of its zone, and what is new', () => {
  render(
    <Preview
      times={answered(['2026-11-23T01:00:00Z', '2026-11-24T01:00:00Z', '2026-11-30T01:00:00Z'])}
      before={['2026-11-23T01:00:00Z', '2026-11-25T01:00:00Z']}
      warnings={['due every second']}
      incomplete={false}
      busy={false}
    />,
  );
  expect(screen.getByRole('status').textContent).toBe('at 02:00 every day, Europe/Berlin');
  const rows = screen.getAllByRole('listitem').map((row) => row.textContent);
  expect(rows[0]).toMatch(/^Mon 2026-11-23 02:00 \+01:00 (?!new)/);
  expect(rows[1]).toMatch(/^Tue 2026-11-24 02:00 \+01:00new/);
  expect(rows[2]).not.toContain('new'); // what comes after the last one that is known is not compared
  expect(screen.getByText('due every second.')).toBeTruthy();
});

it('says what stands against it, and nothing while the form is not filled in', () => {
  const refused = { isError: true, error: new ApiError(400, 'invalid', 'the request is not valid: cron "0 0 31 2 *": this date never comes', [{ name: '/spec/cron', detail: 'x' }]) } as unknown as Times;
  const { rerender } = render(<Preview times={refused} warnings={[]} incomplete={false} busy={false} />);
  expect(screen.getByText('Cron "0 0 31 2 *": this date never comes.')).toBeTruthy();
  rerender(<Preview times={refused} warnings={[]} incomplete busy={false} />);
  expect(screen.queryByText(/never comes/)).toBeNull();
  expect(screen.getByText('Fill in the form to see the next times.')).toBeTruthy();
});
