// @vitest-environment node
import { expect, it } from 'vitest';
import { type Gap, LogList, most } from './list';
import type { LogRecord } from './terms';

const at = (second: number) => new Date(Date.UTC(2026, 10, 22, 12, 0, second)).toISOString();
const record = (second: number, id = `r${second}`): LogRecord => ({ id, ts: at(second), level: 'INFO', service: 's', instance: 's-1', logger: 's', msg: id, attrs: {} });
const gap = (from: number | undefined, to?: number): Gap => ({ instance: 's-1', service: 's', epoch: 'e', class: 'info', cause: 'missing', from_seq: from ?? 0, from_ts: from === undefined ? undefined : at(from), to_ts: to === undefined ? undefined : at(to) });
const keys = (list: LogList) => list.rows.map((r) => (r.kind === 'record' ? r.record.id : 'gap'));

it('holds pages and a tail together, and nothing twice', () => {
  const list = new LogList();
  list.older([record(9), record(8), record(7)]);
  list.newer([record(8), record(9), record(10), record(11)]);
  list.older([record(7), record(6)]);
  expect(keys(list)).toEqual(['r11', 'r10', 'r9', 'r8', 'r7', 'r6']);
});

it('puts a gap between the records that it lies between, once', () => {
  const list = new LogList();
  list.older([record(9), record(5), record(4)], [gap(5, 9)]);
  list.newer([record(12)], [gap(5, 9), gap(9)]);
  expect(keys(list)).toEqual(['r12', 'gap', 'r9', 'gap', 'r5', 'r4']);
});

it('puts a gap that is older than all at the end, and one whose beginning is not known before its end', () => {
  const list = new LogList();
  list.older([record(9), record(5)], [gap(1), gap(undefined, 6)]);
  expect(keys(list)).toEqual(['r9', 'gap', 'r5', 'gap']);
});

it('lets the oldest go when it is full', () => {
  const list = new LogList();
  list.older(Array.from({ length: most }, (_, i) => record(0, `o${i}`)));
  list.newer([record(1, 'new')]);
  expect(list.rows.length).toBe(most);
  expect(list.rows[0]?.key).toBe('new');
  list.older([record(0, `o${most - 1}`)]); // which is not known any more
  expect(list.rows.length).toBe(most);
});
