import { Alert, Drawer, DrawerContent, DrawerContentBody, Switch, Title, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { lazy, Suspense, useMemo, useState } from 'react';
import { LeaseDialog } from '~/pages/levels/LeaseDialog';
import { Answered, CopyAs, EmptyTeach, Loading, PageFrame, Stale, useUrl } from '~/ui';
import { FlowTable } from './FlowTable';
import { chosen as chosenOf, flows as flowsOf, headline, rulesOf, type Topology as Data } from './model';
import { NodeTable } from './NodeTable';
import { FlowPanel, NodePanel } from './Panel';
import { useCauses, useRules, useTopology } from './queries';
import { RuleDialog } from './RuleDialog';
import { useWide } from './useWide';
import '~/pages/levels/levels.css';
import './topology.css';

const Graph = lazy(async () => ({ default: (await import('./Graph')).Graph }));

type Key = 'node' | 'edge' | 'view' | 'servers' | 'idle' | 'lease';

/** Who talks with whom, how much and how well: as a drawing or as tables. */
export default function Topology() {
  const query = useTopology();
  const { data } = query;
  const all = useMemo(() => flowsOf(data?.edges ?? []), [data]);
  return (
    <PageFrame
      title="Topology"
      fill
      lead={data && <span role="status">{headline(data.nodes ?? [], all)}</span>}
      actions={
        data && (
          <div className="sb-topology-acts">
            <Stale since={query.isError ? query.dataUpdatedAt : undefined} why={query.error?.message} />
            <CopyAs
              forms={[
                { name: 'link', text: () => location.href },
                { name: 'CLI command', text: () => 'signalbox topology' },
                { name: 'JSON', text: () => JSON.stringify(data, null, 2) },
              ]}
            />
          </div>
        )
      }
    >
      {data ? (
        <Mesh data={data} />
      ) : (
        <Answered query={query} what="the topology">
          {() => null}
        </Answered>
      )}
    </PageFrame>
  );
}

function Mesh({ data }: { data: Data }) {
  const [url, change] = useUrl<Key>();
  const wide = useWide();
  const causes = useCauses();
  const rules = useRules();
  const [doing, setDoing] = useState<'policy' | 'fault'>();
  const leases = useMemo(() => rules.data ?? [], [rules.data]);
  const services = url.servers === '0';
  const idle = url.idle === '1';
  const { nodes, flows } = useMemo(() => chosenOf(data, { services, idle }), [data, services, idle]);
  const faults = useMemo(() => new Set(flows.filter((f) => rulesOf(leases, f.source, f.destination).some((l) => l.kind === 'fault')).map((f) => f.key)), [flows, leases]);
  const every = useMemo(() => flowsOf(data.edges ?? []), [data]);
  const node = (data.nodes ?? []).find((n) => n.name === url.node);
  const flow = every.find((f) => f.key === url.edge);
  const view = url.view ?? (wide ? 'graph' : 'table');
  const choose = (what: { node?: string; edge?: string }) => change({ node: what.node, edge: what.edge });
  const openLease = (lease: string) => change({ lease });

  if ((data.nodes ?? []).length === 0) {
    return (
      <EmptyTeach title="No instance has reported" command="signalbox topology">
        Every instance tells with its heartbeat what passes between it and others; the picture is drawn from that. Your roles may be for services that do not run.
      </EmptyTeach>
    );
  }
  const panel = flow ? (
    <FlowPanel flow={flow} nodes={data.nodes ?? []} leases={leases} asked={rules.dataUpdatedAt} onChoose={choose} onRule={setDoing} onOpenLease={openLease} onClose={() => choose({})} />
  ) : node ? (
    <NodePanel node={node} flows={every} cause={causes.has(node.name)} onChoose={choose} onClose={() => choose({})} />
  ) : undefined;
  return (
    <>
      {data.partial && <Alert isInline variant="warning" title={`${data.partial.charAt(0).toUpperCase()}${data.partial.slice(1)}.`} component="p" />}
      <div className="sb-topology-bar">
        <ToggleGroup aria-label="View">
          <ToggleGroupItem text="Graph" buttonId="view-graph" isSelected={view === 'graph'} onChange={() => change({ view: wide ? '' : 'graph' })} />
          <ToggleGroupItem text="Table" buttonId="view-table" isSelected={view === 'table'} onChange={() => change({ view: wide ? 'table' : '' })} />
        </ToggleGroup>
        <Switch id="servers" label="Servers" isChecked={!services} onChange={(_, on) => change({ servers: on ? '' : '0' })} />
        <Switch id="idle" label="Idle connections" isChecked={idle} onChange={(_, on) => change({ idle: on ? '1' : '' })} />
        {view === 'graph' && <p className="sb-legend">Calls per second, share that fails; p50 / p99. Over the last one to two minutes.</p>}
      </div>
      <Drawer isExpanded={panel !== undefined} isInline className={view === 'graph' ? 'sb-topology' : 'sb-topology-table'}>
        <DrawerContent panelContent={panel}>
          <DrawerContentBody className={view === 'table' ? 'sb-topology-scroll' : undefined}>
            {view === 'graph' ? (
              <Suspense fallback={<Loading what="the drawing" lines={8} />}>
                <Graph key={`${services} ${idle}`} nodes={nodes} flows={flows} causes={causes} faults={faults} chosen={flow?.key ?? node?.name} onChoose={choose} />
              </Suspense>
            ) : (
              <>
                <Title headingLevel="h2" size="md">
                  Nodes
                </Title>
                <NodeTable nodes={nodes} causes={causes} onChoose={choose} />
                <Title headingLevel="h2" size="md" className="sb-panel-part">
                  Connections
                </Title>
                <FlowTable label="Connections" flows={flows} of="both" onChoose={choose} />
              </>
            )}
          </DrawerContentBody>
        </DrawerContent>
      </Drawer>
      {doing && flow && (
        <RuleDialog
          kind={doing}
          source={flow.source}
          destination={flow.destination}
          onClose={() => setDoing(undefined)}
          onDone={(id) => {
            setDoing(undefined);
            openLease(id);
          }}
        />
      )}
      {!doing && url.lease && <LeaseDialog key={url.lease} id={url.lease} onClose={() => change({ lease: '' })} />}
    </>
  );
}
