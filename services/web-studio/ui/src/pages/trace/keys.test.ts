// @vitest-environment node
import { expect, it, vi } from 'vitest';
import { example } from './example';
import { acts } from './keys';
import { build, type Row, rows } from './tree';

const tree = build(example);

/** What a key does in a row: what is shown, closed or opened. */
function press(key: string, on: string, closed: string[] = []) {
  const all = rows(tree, new Set(closed));
  const at = all.findIndex((r) => r.key === on);
  const said = { show: vi.fn(), toggle: vi.fn(), detail: vi.fn() };
  acts(all, at, all[at] as Row)[key]?.(said);
  return [...said.show.mock.calls.map((c) => ['show', ...c]), ...said.toggle.mock.calls.map((c) => ['toggle', ...c]), ...said.detail.mock.calls.map((c) => ['detail', ...c])];
}

it.each([
  ['ArrowDown', 's a', [['show', 's h']]],
  ['ArrowUp', 's a', [['show', 's a']]],
  ['ArrowDown', 'r 4', [['show', 'r 4']]],
  ['End', 's a', [['show', 'r 4']]],
  ['Home', 'r 3', [['show', 's a']]],
  ['ArrowRight', 's b', [['show', 'r 2']]],
  ['ArrowRight', 'r 2', []],
  ['ArrowLeft', 's b', [['toggle', 's b', false]]],
  ['ArrowLeft', 'r 2', [['show', 's b']]],
  ['ArrowLeft', 's h', [['show', 's a']]],
  ['Enter', 's b', [['detail', 's b']]],
  ['Enter', 'loose', [['toggle', 'loose', false]]],
  [' ', 'r 1', [['detail', 'r 1']]],
  ['x', 's a', []],
])('%s in %s', (key, on, does) => expect(press(key, on)).toEqual(does));

it('opens what is closed before it goes in', () => expect(press('ArrowRight', 's b', ['s b'])).toEqual([['toggle', 's b', true]]));
