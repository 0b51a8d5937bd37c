import { expect, it, vi } from 'vitest';
import { whole } from './download';

vi.mock('~/api/client', () => ({ authorized: vi.fn() }));

it('knows a whole export by its last line', () => {
  expect(whole('{"msg":"x"}\n{"end":{"records":1,"complete":true,"gaps":[]}}\n', 'ndjson')).toBe(true);
  expect(whole('{"msg":"\\"complete\\":true"}\n', 'ndjson')).toBe(false);
  expect(whole('ts,msg\n1,x\n# end: 1 records\n', 'csv')).toBe(true);
  expect(whole('ts,msg\n1,x\n', 'csv')).toBe(false);
});
