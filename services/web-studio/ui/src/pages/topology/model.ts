import type { Schema } from '~/api/client';
import { count } from '~/ui/format';

export type Topology = Schema<'view-service.TopologyOutBody'>;
export type MeshNode = Schema<'view-service.Node'>;
export type Edge = Schema<'view-service.Edge'>;
export type Lease = Schema<'view-service.Lease'>;

/** How something is: well, not quite, or not at all. */
export type State = 'well' | 'warning' | 'failing' | 'unknown';

/** All that passes from one node to another, whatever the protocol. */
export interface Flow {
  /** source>destination; in the address, too. */
  key: string;
  source: string;
  destination: string;
  /** One a protocol. */
  edges: Edge[];
  /** Calls per second of all together. */
  rate: number;
  /** Share of the calls that failed, 0 to 1. */
  errors: number;
  /** The slowest protocol's, milliseconds. */
  p50: number;
  p99: number;
  /** Instances whose circuit breaker lets nothing through. */
  open: number;
  state: State;
  /** Nothing has passed for a while, and nothing is known to be wrong. */
  idle: boolean;
}

export const flowKey = (source: string, destination: string) => `${source}>${destination}`;

/** Edges by their ends, in the order of the names. */
export function flows(edges: Edge[]): Flow[] {
  const by = new Map<string, Edge[]>();
  for (const e of edges) {
    const key = flowKey(e.source, e.destination);
    by.set(key, [...(by.get(key) ?? []), e]);
  }
  return [...by.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, all]) => flow(key, all));
}

function flow(key: string, edges: Edge[]): Flow {
  const rate = sum(edges, (e) => e.rate);
  const errors = rate > 0 ? sum(edges, (e) => e.errors * e.rate) / rate : Math.max(...edges.map((e) => e.errors));
  const open = sum(edges, (e) => e.open);
  const worst = Math.max(...edges.map((e) => e.errors)); // a protocol that fails is not made well by another one
  const { source, destination } = edges[0] as Edge;
  return {
    key,
    source,
    destination,
    edges,
    rate,
    errors,
    p50: Math.max(...edges.map((e) => e.p50_ms)),
    p99: Math.max(...edges.map((e) => e.p99_ms)),
    open,
    state: open > 0 || worst >= half ? 'failing' : worst >= some ? 'warning' : 'well',
    idle: rate === 0 && errors === 0 && open === 0,
  };
}

const half = 0.5; // of the calls: from there on it explains its caller's trouble
const some = 0.01; // of the calls: what is less is said, and not marked

const sum = (edges: Edge[], of: (e: Edge) => number) => edges.reduce((all, e) => all + of(e), 0);

/** How a node is, by its health. */
export function stateOf(node: Pick<MeshNode, 'health'>): State {
  return ({ up: 'well', degraded: 'warning', down: 'failing', unknown: 'unknown' } as const)[node.health];
}

/** "0.33/s", "142/s", "idle". */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return 'idle';
  if (perSecond < 0.01) return '<0.01/s';
  return `${perSecond >= 100 ? count(perSecond) : perSecond >= 10 ? perSecond.toFixed(1) : perSecond.toFixed(2)}/s`;
}

/** "25 %", "0.4 %", "<0.1 %"; '' where nothing failed. */
export function errorText(share: number): string {
  const percent = 100 * share;
  if (percent === 0) return '';
  if (percent < 0.1) return '<0.1 %';
  return `${percent >= 10 ? Math.round(percent) : percent.toFixed(1).replace(/\.0$/, '')} %`;
}

/** "1.8 ms", "48 ms", "2.5 s"; "—" where nothing passed. */
export function latencyText(ms: number): string {
  if (ms === 0) return '—';
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms >= 10 ? Math.round(ms) : ms >= 1 ? ms.toFixed(1) : ms.toFixed(2)} ms`;
}

/** "open on 2"; '' while all calls are let through. */
export const breakerText = (open: number) => (open > 0 ? `breaker open on ${open}` : '');

/** An edge in a sentence, for who does not see the drawing. */
export function flowText(f: Flow): string {
  const failed = errorText(f.errors);
  const parts = [f.rate === 0 ? 'nothing passes' : `${rateText(f.rate).replace('/s', ' calls per second')}`, failed && `${failed} of them fail`, f.p99 > 0 && `p50 ${latencyText(f.p50)}, p99 ${latencyText(f.p99)}`, breakerText(f.open)];
  return `${f.source} to ${f.destination}: ${parts.filter(Boolean).join(', ')}`;
}

/** "2 instances", "2 instances, 1 lost"; of what is no service, what it is. */
export function sizeText(node: MeshNode): string {
  if (node.kind !== 'service') return node.kind === 'caller' ? 'caller' : 'server';
  return `${node.live} ${node.live === 1 ? 'instance' : 'instances'}${node.lost > 0 ? `, ${node.lost} lost` : ''}`;
}

/** A node in a sentence. */
export const nodeText = (node: MeshNode, cause: boolean) => [node.name, sizeText(node), node.health, cause ? 'root cause of what fails' : ''].filter(Boolean).join(', ');

/** What is wrong in the picture, in a sentence; all is well where nothing is. */
export function headline(nodes: MeshNode[], all: Flow[]): string {
  const bad = nodes.filter((n) => n.health === 'down' || n.health === 'degraded');
  const failing = all.filter((f) => f.state === 'failing' || f.state === 'warning');
  const open = all.filter((f) => f.open > 0).length;
  if (bad.length + failing.length === 0) return `All is well: ${nodes.length} nodes, ${all.length} connections.`;
  const parts = [
    bad.length > 0 && `${bad.map((n) => n.name).join(', ')} ${bad.length === 1 ? 'is' : 'are'} not well`,
    failing.length > 0 && `calls fail on ${failing.length} of ${all.length} connections`,
    open > 0 && `${open === 1 ? 'a breaker is' : `${open} breakers are`} open`,
  ];
  const text = parts.filter(Boolean).join('; ');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

export interface Choice {
  /** Without servers that services use: PostgreSQL, RabbitMQ, Redis. */
  services?: boolean;
  /** With connections through which nothing passes. */
  idle?: boolean;
}

/** What of the mesh is shown. */
export function chosen(topology: Topology, { services, idle }: Choice): { nodes: MeshNode[]; flows: Flow[] } {
  const nodes = (topology.nodes ?? []).filter((n) => !services || n.kind !== 'dependency');
  const names = new Set(nodes.map((n) => n.name));
  return { nodes, flows: flows(topology.edges ?? []).filter((f) => names.has(f.source) && names.has(f.destination) && (idle || !f.idle)) };
}

/** The leases of a kind that hold for calls from one service to another: its own, those for all, to it or to every destination. */
export function rulesOf(leases: Lease[], source: string, destination: string): Lease[] {
  return leases.filter((l) => {
    const to = typeof l.value === 'object' ? (l.value as { destination?: string }).destination : undefined;
    return (l.kind === 'policy' || l.kind === 'fault') && l.state === 'active' && (!l.service || l.service === source) && (!to || to === destination);
  });
}
