import { fireEvent, render, screen } from '@testing-library/react';
import { describe as about, expect, it, vi } from 'vitest';
import { describe, moment, TimeRange } from './TimeRange';

about('moment', () => {
  const now = new Date(2026, 10, 22, 12, 0);
  it('takes how long ago as it is', () => expect([moment('90m', now), moment(' 1h30m ', now)]).toEqual(['90m', '1h30m']));
  it('takes a time of the last 24 hours', () => {
    expect(moment('11:30', now)).toBe(new Date(2026, 10, 22, 11, 30).toISOString());
    expect(moment('13:02:11', now)).toBe(new Date(2026, 10, 21, 13, 2, 11).toISOString());
  });
  it('takes a date, with its time or without', () => {
    expect(moment('2026-11-21', now)).toBe(new Date(2026, 10, 21).toISOString());
    expect(moment('2026-11-21 13:02', now)).toBe(new Date(2026, 10, 21, 13, 2).toISOString());
    expect(moment('2026-11-21T13:02:00Z', now)).toBe('2026-11-21T13:02:00.000Z');
  });
  it('takes nothing else', () => expect([moment('soon', now), moment('', now)]).toEqual([undefined, undefined]));
});

it('says a range in words', () => {
  expect(describe('1h')).toBe('Last hour');
  expect(describe('90m')).toBe('Last 90m');
});

it('applies a preset', async () => {
  const onChange = vi.fn();
  render(<TimeRange since="1h" onChange={onChange} />);
  fireEvent.click(screen.getByLabelText('Time: Last hour'));
  fireEvent.click(await screen.findByText('Last 24 hours'));
  expect(onChange).toHaveBeenLastCalledWith({ since: '24h' });
});

it('applies what was typed; what is no time is refused with what is one', async () => {
  const onChange = vi.fn();
  render(<TimeRange since="1h" onChange={onChange} />);
  fireEvent.click(screen.getByLabelText('Time: Last hour'));
  const from = await screen.findByLabelText('From');
  fireEvent.change(from, { target: { value: 'yesterday-ish' } });
  fireEvent.click(screen.getByText('Apply'));
  expect(await screen.findByText(/A time is written/)).toBeTruthy();
  expect(onChange).not.toHaveBeenCalled();
  fireEvent.change(from, { target: { value: '90m' } });
  fireEvent.click(screen.getByText('Apply'));
  expect(onChange).toHaveBeenLastCalledWith({ since: '90m', until: undefined });
});
