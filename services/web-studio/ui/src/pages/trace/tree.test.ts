// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { example, record, span } from './example';
import { type Branch, build, closable, failures, looseKey, ownTime, rows } from './tree';

const tree = build(example);
const drawn = (closed: string[] = []) => rows(tree, new Set(closed)).map((r) => `${'  '.repeat(r.level - 1)}${r.key}`);

describe('the tree of a trace', () => {
  it('has the log lines and holes in their spans, in the order of time', () => {
    expect(drawn()).toEqual(['s a', '  s h', '  r 1', '  s b', '    r 2', '    g catalogs-1 e info 5', '    s c', '    r 3', 's strays', '  s d', 'loose', '  r 4']);
  });

  it('hides what is in a closed span', () => {
    expect(drawn(['s b', looseKey])).toEqual(['s a', '  s h', '  r 1', '  s b', 's strays', '  s d', 'loose']);
  });

  it('counts what is inside', () => {
    const [a] = tree.roots as [Branch];
    expect([a.size, a.errors]).toEqual([7, 2]);
  });

  it('tells places as ARIA counts them', () => {
    expect(rows(tree, new Set()).filter((r) => r.level === 1).map((r) => [r.key, r.place, r.beside, r.open])).toEqual([['s a', 1, 3, true], ['s strays', 2, 3, true], ['loose', 3, 3, true]]);
    expect(rows(tree, new Set()).find((r) => r.key === 's h')?.open).toBeUndefined();
  });

  it('knows what can be closed, and the ways to what failed', () => {
    expect(closable(tree)).toEqual([looseKey, 's a', 's b', 's strays']);
    expect(failures(tree)).toEqual([['s a'], ['s a', 's b', 's c'], ['s a', 's b', 'r 3']]);
  });
});

it('is the log lines in order where no span is known', () => {
  const alone = build({ spans: [], gaps: [], records: [record('2', 12), record('1', 5, { span: 'gone' }), record('3', 26)] });
  expect(rows(alone, new Set()).map((r) => [r.key, r.level])).toEqual([['r 1', 1], ['r 2', 1], ['r 3', 1]]);
  expect(closable(alone)).toEqual([]);
});

it('puts a hole into no other service', () => {
  const [gap] = example.gaps ?? [];
  const other = build({ spans: [span('a', undefined, 0, 40, { service: 'gateway' })], records: [], gaps: gap ? [gap] : [] });
  expect(rows(other, new Set()).map((r) => r.key)).toEqual(['s a', 'loose', 'g catalogs-1 e info 5']);
});

it('says what a span spent itself: children that overlap count once, and no longer than it lasted', () => {
  const all = build({ spans: [span('a', undefined, 0, 40), span('b', 'a', 5, 10), span('c', 'a', 10, 10), span('d', 'a', 35, 30)], records: [], gaps: [] });
  expect(ownTime(all.roots[0] as Branch)).toBe(20_000);
});

it('takes ten thousand spans, 256 deep', () => {
  const spans = Array.from({ length: 10_000 }, (_, i) => span(`${i}`, i % 256 === 0 ? undefined : `${i - 1}`, i % 900, 1));
  expect(rows(build({ spans, records: [], gaps: [] }), new Set())).toHaveLength(10_000);
});
