import { fireEvent, render, screen } from '@testing-library/react';
import { expect, it, vi } from 'vitest';
import { FlowTable } from './FlowTable';
import { flows } from './model';

const all = flows([
  { source: 'gateway', destination: 'catalogs', protocol: 'http', rate: 142, errors: 0.25, p50_ms: 3.1, p99_ms: 48, open: 0 },
  { source: 'gateway', destination: 'catalogs', protocol: 'grpc', rate: 0, errors: 0, p50_ms: 0, p99_ms: 0, open: 2 },
]);

it('says of each protocol how much passes and how well', () => {
  render(<FlowTable label="Connections" flows={all} of="both" />);
  const rows = screen.getAllByRole('row').map((r) => r.textContent);
  expect(rows).toHaveLength(3);
  expect(rows[1]).toContain('http142/s25 %3.1 ms48 ms');
  expect(rows[2]).toContain('breaker open on 2');
});

it('leads to the connection', () => {
  const choose = vi.fn();
  render(<FlowTable label="Connections" flows={all} of="source" small onChoose={choose} />);
  fireEvent.click(screen.getAllByRole('button', { name: 'gateway to catalogs: show its panel' })[0] as HTMLElement);
  expect(choose).toHaveBeenCalledWith({ edge: 'gateway>catalogs' });
});
