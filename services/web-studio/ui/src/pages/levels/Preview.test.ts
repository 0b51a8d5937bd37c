import { expect, it } from 'vitest';
import { cost, total } from './Preview';

it('says what a level costs', () => {
  expect(cost({ lines_per_second: 1204, bytes_per_second: 260_000, instances: 3 })).toBe('It would add 1\u202f204 lines/s, 0.26 MB/s, on 3 instances.');
  expect(cost({ lines_per_second: 0.6, bytes_per_second: 900, instances: 1 })).toBe('It would add 0.6 lines/s, 0.0009 MB/s, on 1 instance.');
  expect(cost({ lines_per_second: 0, bytes_per_second: 0, instances: 1 })).toBe('It would add 0 lines/s, 0 MB/s, on 1 instance.');
});

it('says what it comes to until its end', () => {
  expect(total({ lines_per_second: 10, bytes_per_second: 2_000, instances: 1 }, '15m')).toContain('9\u202f000 lines, 1.8 MB');
  expect(total({ lines_per_second: 10, bytes_per_second: 2_000, instances: 1 })).not.toContain('Until');
  expect(total({ lines_per_second: 0, bytes_per_second: 0, instances: 1 }, '15m')).toContain('nothing would be written');
});
