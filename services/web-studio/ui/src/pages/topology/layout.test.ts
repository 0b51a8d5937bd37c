// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { box, curve, layout, type Line, Steady } from './layout';

const line = (source: string, destination: string): Line => ({ key: `${source}>${destination}`, source, destination });
const chain = [line('outside', 'gateway'), line('gateway', 'catalogs'), line('catalogs', 'postgresql'), line('gateway', 'identity'), line('identity', 'postgresql'), line('identity', 'identity')];
const names = ['outside', 'gateway', 'catalogs', 'identity', 'postgresql'];

describe('the layout', () => {
  it('puts no node upon another, and every line to a node', () => {
    const { nodes, edges, width, height } = layout(names, chain);
    const all = [...nodes.values()];
    for (const [i, a] of all.entries()) {
      expect(a.x).toBeGreaterThanOrEqual(0);
      expect(a.x + box.width).toBeLessThanOrEqual(width);
      expect(a.y + box.height).toBeLessThanOrEqual(height);
      for (const b of all.slice(i + 1)) expect(Math.abs(a.x - b.x) >= box.width || Math.abs(a.y - b.y) >= box.height).toBe(true);
    }
    expect([...edges.keys()].sort()).toEqual(chain.map((l) => l.key).sort());
    for (const { d } of edges.values()) expect(d).toMatch(/^M-?[\d.]+,-?[\d.]+[QL]/);
  });

  it('is the same whatever the order', () => {
    expect(layout([...names].reverse(), [...chain].reverse())).toEqual(layout(names, chain));
  });

  it('leaves out a line to nowhere', () => expect(layout(['a'], [line('a', 'gone')]).edges.size).toBe(0));
});

describe('a steady drawing', () => {
  it('keeps its places while names go and come back', () => {
    const steady = new Steady();
    const first = steady.place(names, chain);
    expect(steady.place(names.slice(0, 3), chain.slice(0, 2))).toBe(first);
    expect(steady.place([...names].reverse(), chain)).toBe(first);
    expect(steady.times).toBe(1);
  });

  it('is laid out anew, with what was there before, when something comes that was never seen', () => {
    const steady = new Steady();
    steady.place(names, chain);
    const next = steady.place(['gateway', 'billing'], [line('gateway', 'billing')]);
    expect(steady.times).toBe(2);
    expect([...next.nodes.keys()].sort()).toEqual([...names, 'billing'].sort());
  });
});

it('draws a straight line where there are two points', () => {
  expect(curve([{ x: 0, y: 0 }, { x: 10, y: 5 }])).toBe('M0,0L10,5');
  expect(curve([{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 20, y: 10 }])).toBe('M0,0Q10,0 20,10');
  expect(curve([])).toBe('');
});
