import { render, screen, within } from '@testing-library/react';
import { expect, it } from 'vitest';
import { type Answer, Receipt } from './Receipt';

const of = (instance: string, rest: Partial<Answer> = {}): Answer => ({ service: 'catalogs', instance, state: 'asked', ...rest });
const row = (instance: string) => screen.getByText(instance).closest('tr') as HTMLElement;

it('fills in as the instances answer', () => {
  const { rerender } = render(<Receipt what="at DEBUG" answers={[of('catalogs-1'), of('catalogs-2')]} />);
  expect(screen.getByRole('status').textContent).toBe('0 of 2 instances at DEBUG');
  expect(within(row('catalogs-1')).getByText('asked')).toBeTruthy();

  rerender(<Receipt what="at DEBUG" answers={[of('catalogs-1', { state: 'applied', took_ms: 3.14, via: 'ack' }), of('catalogs-2', { state: 'silent' })]} />);
  expect(screen.getByRole('status').textContent).toBe('1 of 2 instances at DEBUG');
  expect(row('catalogs-1').textContent).toContain('after 3.1 ms');
  expect(row('catalogs-2').textContent).toContain('it takes it with its next heartbeat');
  expect(screen.queryByText('asked')).toBeNull();

  rerender(<Receipt what="at DEBUG" answers={[of('catalogs-1', { state: 'applied', took_ms: 3.14 }), of('catalogs-2', { state: 'applied', took_ms: 4_200, via: 'sync' })]} />);
  expect(screen.getByRole('status').textContent).toBe('2 of 2 instances at DEBUG');
  expect(row('catalogs-2').textContent).toContain('after 4.2 s, with its heartbeat');
});

it('says who refused, and why', () => {
  render(<Receipt what="with the lease" answers={[of('catalogs-1', { state: 'refused', error: 'another CPU profile runs' })]} />);
  expect(within(row('catalogs-1')).getByText('refused')).toBeTruthy();
  expect(row('catalogs-1').textContent).toContain('another CPU profile runs');
  expect(screen.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('0');
});

it('says where a budget is used up', () => {
  render(<Receipt what="at DEBUG" answers={[of('catalogs-1', { state: 'applied', took_ms: 1, spent: true })]} />);
  expect(row('catalogs-1').textContent).toContain('Its budget is used up: it has fallen back by itself.');
});

it('tells of an end in its own words', () => {
  render(<Receipt end what="without the lease" answers={[of('catalogs-1', { state: 'silent' })]} />);
  expect(screen.getByRole('status').textContent).toBe('0 of 1 instance without the lease');
  expect(row('catalogs-1').textContent).toContain('it ends it by its own clock');
});

it('says that nobody is meant', () => {
  render(<Receipt what="at DEBUG" answers={[]} />);
  expect(screen.getByText(/No live instance is meant/)).toBeTruthy();
});
