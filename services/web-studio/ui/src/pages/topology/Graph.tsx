import { action, createTopologyControlButtons, defaultControlButtonsOptions, Dimensions, GraphComponent, ModelKind, Point as At, TopologyControlBar, TopologyView, Visualization, VisualizationProvider, VisualizationSurface, withPanZoom } from '@patternfly/react-topology';
import { createContext, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { FlowShape } from './FlowShape';
import { box, type Path, type Placed, type Point, Steady } from './layout';
import type { Flow, MeshNode } from './model';
import { NodeShape } from './NodeShape';

interface Props {
  nodes: MeshNode[];
  flows: Flow[];
  /** Names of nodes that explain what fails. */
  causes: ReadonlySet<string>;
  /** Keys of flows with an injected fault. */
  faults: ReadonlySet<string>;
  /** The name of a node, or the key of a flow. */
  chosen?: string;
  onChoose: (what: { node?: string; edge?: string }) => void;
}

/** What the shapes need beside their own data: what is chosen, and what a click does. */
interface Around {
  chosen?: string;
  /** Names and keys of what belongs to what is chosen; undefined: nothing is. */
  near?: ReadonlySet<string>;
  causes: ReadonlySet<string>;
  faults: ReadonlySet<string>;
  onChoose: Props['onChoose'];
}

const Chosen = createContext<Around>({ causes: new Set(), faults: new Set(), onChoose: () => undefined });
export const useAround = () => useContext(Chosen);

export interface NodeData {
  node: MeshNode;
}
export interface FlowData {
  flow: Flow;
  path: Path;
}

const Surface = withPanZoom()(GraphComponent as never);

/** The drawing: moved by the mouse, zoomed by its wheel, operated by keys. Places stay while figures change. */
export function Graph({ nodes, flows, causes, faults, chosen, onChoose }: Props) {
  const [steady, setSteady] = useState(() => new Steady());
  const [controller] = useState(made);
  const placed = steady.place(nodes.map((n) => n.name), flows);
  const times = steady.times;
  const now = useRef(placed);
  now.current = placed;
  useEffect(() => {
    controller.fromModel(
      {
        graph: { id: 'mesh', type: 'graph' },
        nodes: nodes.map((node) => ({ id: node.name, type: 'node', ...corner(placed.nodes.get(node.name)), ...box, data: { node } satisfies NodeData })),
        edges: flows.flatMap((flow) => {
          const path = placed.edges.get(flow.key);
          return path ? [{ id: flow.key, type: 'edge', source: flow.source, target: flow.destination, data: { flow, path } satisfies FlowData }] : [];
        }),
      },
      true,
    );
  }, [controller, nodes, flows, placed]);
  const place = useRef<HTMLDivElement>(null);
  const moved = useRef(false); // by hand: then it stays where it was put
  const focus = useRef<string>(undefined);
  focus.current = chosen;
  useEffect(() => {
    moved.current = false;
    if (times > 0) fit(controller, now.current, middle(now.current, focus.current));
  }, [controller, times, steady]);
  useEffect(() => {
    const point = middle(now.current, chosen);
    if (point && !seen(controller, point)) fit(controller, now.current, point);
  }, [controller, chosen]);
  useEffect(() => {
    const resize = action(() => {
      const surface = place.current?.querySelector('.pf-topology-visualization-surface');
      if (!surface) return;
      controller.getGraph().setDimensions(new Dimensions(surface.clientWidth, surface.clientHeight));
      const point = middle(now.current, focus.current);
      if (!moved.current || (point && !seen(controller, point))) fit(controller, now.current, point);
    });
    const observer = new ResizeObserver(resize);
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, [controller]);
  const near = useMemo(() => around(flows, chosen), [flows, chosen]);
  const context = useMemo(() => ({ chosen, near, causes, faults, onChoose }), [chosen, near, causes, faults, onChoose]);
  const zoom = (by: number) =>
    action(() => {
      moved.current = true;
      controller.getGraph().scaleBy(by);
    });
  return (
    <Chosen.Provider value={context}>
      <div
        className="sb-graph-place"
        ref={place}
        onWheel={() => {
          moved.current = true;
        }}
        onPointerMove={(event) => {
          if (event.buttons === 1) moved.current = true;
        }}
      >
        <TopologyView
          className="sb-graph"
          controlBar={
            <TopologyControlBar
              controlButtons={createTopologyControlButtons({
                ...defaultControlButtonsOptions,
                zoomInTip: 'Larger',
                zoomInAriaLabel: 'Larger',
                zoomInCallback: zoom(4 / 3),
                zoomOutTip: 'Smaller',
                zoomOutAriaLabel: 'Smaller',
                zoomOutCallback: zoom(3 / 4),
                fitToScreenTip: 'Show all',
                fitToScreenAriaLabel: 'Show all',
                fitToScreenCallback: () => {
                  moved.current = false;
                  fit(controller, now.current);
                },
                resetViewTip: 'Arrange anew',
                resetViewAriaLabel: 'Arrange anew',
                resetViewCallback: () => setSteady(new Steady()),
                legend: false,
              })}
            />
          }
        >
          <VisualizationProvider controller={controller}>
            <VisualizationSurface />
          </VisualizationProvider>
        </TopologyView>
      </div>
    </Chosen.Provider>
  );
}

function made(): Visualization {
  const controller = new Visualization();
  controller.registerComponentFactory((kind) => (kind === ModelKind.graph ? Surface : kind === ModelKind.node ? NodeShape : FlowShape) as never);
  controller.setRenderConstraint(false); // what is beside the window is there for the keyboard all the same
  controller.fromModel({ graph: { id: 'mesh', type: 'graph' } }, false);
  return controller;
}

const corner = (p?: Point) => ({ x: p?.x ?? 0, y: p?.y ?? 0 });

const margin = 12; // px around the drawing
const bar = 64; // px that the buttons take below
const readable = 0.8; // scale below which figures are hard to read

/** Shows all of the drawing, its lines too, no larger than it is; where that is too small to read, what is around the focus. */
const fit = action((controller: Visualization, { width, height }: Placed, focus?: Point) => {
  const graph = controller.getGraph();
  const room = graph.getDimensions();
  const [wide, high] = [room.width - 2 * margin, room.height - margin - bar];
  if (wide <= 0 || high <= 0) return;
  const all = Math.min(1, wide / width, high / height);
  const scale = focus ? Math.max(all, readable) : all;
  const along = (size: number, space: number, at: number) => (size * scale <= space ? (space - size * scale) / 2 : Math.min(0, Math.max(space - size * scale, space / 2 - at * scale)));
  graph.setScale(scale);
  graph.setPosition(new At(margin + along(width, wide, focus?.x ?? 0), margin + along(height, high, focus?.y ?? 0)));
});

/** Whether a point of the drawing is seen. */
function seen(controller: Visualization, { x, y }: Point): boolean {
  const graph = controller.getGraph();
  const [at, scale, room] = [graph.getPosition(), graph.getScale(), graph.getDimensions()];
  const [left, top] = [at.x + x * scale, at.y + y * scale];
  return left > 40 && left < room.width - 40 && top > 20 && top < room.height - bar;
}

/** The middle of a node, or of a connection's figures. */
function middle(placed: Placed, chosen?: string): Point | undefined {
  if (chosen === undefined) return undefined;
  const node = placed.nodes.get(chosen);
  return node ? { x: node.x + box.width / 2, y: node.y + box.height / 2 } : placed.edges.get(chosen)?.label;
}

/** What belongs to a node or a flow: its neighbours, its ends. */
export function around(flows: Flow[], chosen?: string): ReadonlySet<string> | undefined {
  if (!chosen) return undefined;
  const near = new Set([chosen]);
  for (const f of flows) {
    if (f.key !== chosen && f.source !== chosen && f.destination !== chosen) continue;
    for (const one of [f.key, f.source, f.destination]) near.add(one);
  }
  return near;
}
