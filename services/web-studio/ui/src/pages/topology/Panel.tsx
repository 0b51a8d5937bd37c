import { Button, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, DrawerActions, DrawerCloseButton, DrawerHead, DrawerPanelBody, DrawerPanelContent, Title } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { HealthLabel, RelativeTime } from '~/ui';
import { FlowTable } from './FlowTable';
import { type Flow, type Lease, type MeshNode, rulesOf, sizeText } from './model';
import { Rules } from './Rules';

interface FrameProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

function Frame({ title, onClose, children }: FrameProps) {
  return (
    <DrawerPanelContent defaultSize="23rem" role="region" aria-label={title}>
      <DrawerHead>
        <Title headingLevel="h2" size="lg">
          {title}
        </Title>
        <DrawerActions>
          <DrawerCloseButton onClick={onClose} aria-label="Close" />
        </DrawerActions>
      </DrawerHead>
      <DrawerPanelBody>{children}</DrawerPanelBody>
    </DrawerPanelContent>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <Title headingLevel="h3" size="md" className="sb-panel-part">
        {title}
      </Title>
      {children}
    </section>
  );
}

interface NodeProps {
  node: MeshNode;
  flows: Flow[];
  cause: boolean;
  onChoose: (what: { node?: string; edge?: string }) => void;
  onClose: () => void;
}

/** One node: how it is and why, what passes to and from it, and where to look further. */
export function NodePanel({ node, flows, cause, onChoose, onClose }: NodeProps) {
  const failing = node.failing ?? [];
  return (
    <Frame title={node.name} onClose={onClose}>
      <DescriptionList isCompact isHorizontal>
        <Fact term="Health">
          <HealthLabel health={node.health} /> {cause && <strong>root cause of what fails</strong>}
        </Fact>
        {node.since && (
          <Fact term="Since">
            <RelativeTime ts={node.since} />
          </Fact>
        )}
        <Fact term="Is">{sizeText(node)}</Fact>
        {(node.versions ?? []).length > 0 && <Fact term="Version">{(node.versions ?? []).join(', ')}</Fact>}
      </DescriptionList>
      {failing.length > 0 && (
        <Part title="Checks that fail">
          <ul>
            {failing.map((c) => (
              <li key={`${c.instance}${c.check}`}>
                <code>{c.instance}</code> {c.check}: {c.error}
              </li>
            ))}
          </ul>
        </Part>
      )}
      {node.kind === 'service' && (
        <Part title="See">
          <div className="sb-panel-links">
            <To path="/logs" search={{ q: `service:${node.name}` }}>
              What {node.name} says
            </To>
            <To path="/logs" search={{ q: `service:${node.name} level>=warn` }}>
              Its warnings and errors
            </To>
            <To path="/traces" search={{ service: node.name }}>
              Traces with its errors
            </To>
            <To path="/fleet" search={{ q: node.name }}>
              Its instances
            </To>
            <To path="/levels" search={{ q: node.name }}>
              Its levels
            </To>
          </div>
        </Part>
      )}
      {flows.some((f) => f.destination === node.name) && (
        <Part title="Called by">
          <FlowTable small label={`Callers of ${node.name}`} flows={flows.filter((f) => f.destination === node.name)} of="source" onChoose={onChoose} />
        </Part>
      )}
      {flows.some((f) => f.source === node.name) && (
        <Part title="Calls">
          <FlowTable small label={`What ${node.name} calls`} flows={flows.filter((f) => f.source === node.name)} of="destination" onChoose={onChoose} />
        </Part>
      )}
    </Frame>
  );
}

interface FlowProps {
  flow: Flow;
  nodes: MeshNode[];
  leases: Lease[];
  asked: number;
  onChoose: (what: { node?: string; edge?: string }) => void;
  onRule: (kind: 'policy' | 'fault') => void;
  onOpenLease: (id: string) => void;
  onClose: () => void;
}

/** One connection: its figures by protocol, and the policies and faults that hold for its calls. */
export function FlowPanel({ flow, nodes, leases, asked, onChoose, onRule, onOpenLease, onClose }: FlowProps) {
  const isService = (name: string) => nodes.some((n) => n.name === name && n.kind === 'service');
  const ends = [flow.source, flow.destination].filter(isService);
  return (
    <Frame title={`${flow.source} → ${flow.destination}`} onClose={onClose}>
      <FlowTable small label="Figures" flows={[flow]} of="protocol" />
      <p className="sb-legend">Over the last one to two minutes.</p>
      <Part title="See">
        <div className="sb-panel-links">
          {[flow.source, flow.destination].map((name) => (
            <Button key={name} variant="link" isInline onClick={() => onChoose({ node: name })}>
              {name}
            </Button>
          ))}
          {ends.length > 0 && (
            <>
              <To path="/logs" search={{ q: `${both(ends)} level>=warn` }}>
                Warnings and errors of {ends.length > 1 ? 'both' : ends[0]}
              </To>
              <To path="/traces" search={{ service: flow.source }}>
                Traces with errors of {flow.source}
              </To>
            </>
          )}
        </div>
      </Part>
      {ends.length === 2 && flow.source !== flow.destination && (
        <Part title="Policies and faults">
          <Rules flow={flow} leases={rulesOf(leases, flow.source, flow.destination)} asked={asked} onRule={onRule} onOpen={onOpenLease} />
        </Part>
      )}
    </Frame>
  );
}

const both = (names: string[]) => (names.length > 1 ? `service:(${names.join(' or ')})` : `service:${names[0]}`);

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  );
}

const To = ({ path, search, children }: { path: string; search: Record<string, string>; children: ReactNode }) => (
  <Link to={path as never} search={search as never}>
    {children}
  </Link>
);
