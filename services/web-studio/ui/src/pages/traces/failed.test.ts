// @vitest-environment node
import { expect, it } from 'vitest';
import type { LogRecord } from '~/pages/logs/terms';
import { failed } from './failed';

const record = (id: number, service: string, trace_id?: string): LogRecord => ({ id: `${id}`, ts: `2026-11-21T13:02:${10 + id}Z`, level: 'ERROR', service, instance: `${service}-1`, logger: service, msg: `error ${id}`, attrs: {}, trace_id });

it('tells of each trace once, by its newest error', () => {
  const all = failed([record(4, 'gateway', 'a'), record(3, 'catalogs', 'b'), record(2, 'catalogs', 'a'), record(1, 'billing'), record(0, 'gateway', 'a')]);
  expect(all).toEqual([
    { id: 'a', ts: '2026-11-21T13:02:14Z', msg: 'error 4', services: ['gateway', 'catalogs'], errors: 3 },
    { id: 'b', ts: '2026-11-21T13:02:13Z', msg: 'error 3', services: ['catalogs'], errors: 1 },
  ]);
});
