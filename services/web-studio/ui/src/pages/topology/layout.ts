import dagre from '@dagrejs/dagre';

/** Sizes in units of the drawing, which are pixels at a scale of 1. */
export const box = { width: 148, height: 52 };
export const label = { width: 92, height: 40 };

export interface Point {
  x: number;
  y: number;
}

export interface Placed {
  width: number;
  height: number;
  /** The upper left corner of each node. */
  nodes: Map<string, Point>;
  edges: Map<string, Path>;
}

export interface Path {
  /** An SVG path from node to node. */
  d: string;
  /** The three corners of the arrow at its end. */
  arrow: string;
  /** The middle of its figures. */
  label: Point;
}

export interface Line {
  key: string;
  source: string;
  destination: string;
}

/** How the places of a drawing lie: its callers at the left, or above. */
type Direction = 'LR' | 'TB';

/** A window is wider than high; the drawing is to fill it. */
const window = { width: 1000, height: 640 };

/** Lays callers out at the left or above, whichever way is larger in a window. The same names have the same places, whatever their order. */
export function layout(names: Iterable<string>, lines: Iterable<Line>): Placed {
  const [all, ways] = [[...names], [...lines]];
  const [across, down] = [directed(all, ways, 'LR'), directed(all, ways, 'TB')];
  const scale = ({ width, height }: Placed) => Math.min(window.width / width, window.height / height);
  return scale(across) >= scale(down) ? across : down;
}

function directed(names: string[], lines: Line[], rankdir: Direction): Placed {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir, nodesep: rankdir === 'LR' ? 16 : 24, edgesep: 12, ranksep: rankdir === 'LR' ? 16 : 24, marginx: 8, marginy: 8 });
  for (const name of names.sort()) graph.setNode(name, { ...box });
  const all = lines.sort((a, b) => (a.key < b.key ? -1 : 1)).filter((l) => graph.hasNode(l.source) && graph.hasNode(l.destination));
  for (const { key, source, destination } of all) graph.setEdge(source, destination, { ...label, labelpos: 'c' }, key);
  dagre.layout(graph);
  const { width = 1, height = 1 } = graph.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    nodes: new Map(graph.nodes().map((name) => [name, { x: graph.node(name).x - box.width / 2, y: graph.node(name).y - box.height / 2 }])),
    edges: new Map(
      all.map(({ key, source, destination }) => {
        const { points, x, y } = graph.edge(source, destination, key) as { points: Point[]; x: number; y: number };
        return [key, { d: curve(points), arrow: arrow(points), label: { x, y } }];
      }),
    ),
  };
}

/** A curve through the middles of the way, straight at both ends. */
export function curve(points: Point[]): string {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (!first || !last) return '';
  const parts = [`M${at(first)}`];
  rest.slice(0, -1).forEach((p, i) => {
    const next = rest[i + 1] as Point;
    parts.push(i === rest.length - 2 ? `Q${at(p)} ${at(next)}` : `Q${at(p)} ${at({ x: (p.x + next.x) / 2, y: (p.y + next.y) / 2 })}`);
  });
  if (rest.length === 1) parts.push(`L${at(last)}`);
  return parts.join('');
}

const tip = { length: 9, half: 4 };

function arrow(points: Point[]): string {
  const end = points.at(-1) as Point;
  const before = points.at(-2) ?? end;
  const far = Math.hypot(end.x - before.x, end.y - before.y) || 1;
  const [dx, dy] = [(end.x - before.x) / far, (end.y - before.y) / far];
  const base = { x: end.x - dx * tip.length, y: end.y - dy * tip.length };
  return [end, { x: base.x - dy * tip.half, y: base.y + dx * tip.half }, { x: base.x + dy * tip.half, y: base.y - dx * tip.half }].map(at).join(' ');
}

const at = (p: Point) => `${Math.round(p.x * 10) / 10},${Math.round(p.y * 10) / 10}`;

/**
 * Keeps places while figures change: what goes keeps its room, so that nothing moves when it comes back; only what was never
 * seen makes it lay out anew. Not for use from two places at once.
 */
export class Steady {
  #names = new Set<string>();
  #lines = new Map<string, Line>();
  #placed: Placed = { width: 1, height: 1, nodes: new Map(), edges: new Map() };
  /** How often it was laid out. */
  times = 0;

  place(names: string[], lines: Line[]): Placed {
    const fresh = names.some((n) => !this.#names.has(n)) || lines.some((l) => !this.#lines.has(l.key));
    if (!fresh) return this.#placed;
    for (const n of names) this.#names.add(n);
    for (const { key, source, destination } of lines) this.#lines.set(key, { key, source, destination });
    this.#placed = layout(this.#names, this.#lines.values());
    this.times++;
    return this.#placed;
  }
}
