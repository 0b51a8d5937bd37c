import { Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { HealthLabel, RelativeTime } from '~/ui';
import { type MeshNode, sizeText, stateOf } from './model';

const order = { failing: 0, warning: 1, unknown: 2, well: 3 } as const;

/** The nodes of the mesh, what is wrong first. */
export function NodeTable({ nodes, causes, onChoose }: { nodes: MeshNode[]; causes: ReadonlySet<string>; onChoose: (what: { node: string }) => void }) {
  const sorted = [...nodes].sort((a, b) => order[stateOf(a)] - order[stateOf(b)] || (a.name < b.name ? -1 : 1));
  return (
    <Table aria-label="Nodes" variant="compact" gridBreakPoint="grid-md">
      <Thead>
        <Tr>
          <Th>Node</Th>
          <Th>Health</Th>
          <Th>Since</Th>
          <Th>Is</Th>
          <Th>Version</Th>
        </Tr>
      </Thead>
      <Tbody>
        {sorted.map((n) => (
          <Tr key={n.name}>
            <Td dataLabel="Node">
              <Button variant="link" isInline onClick={() => onChoose({ node: n.name })} aria-label={`${n.name}: show its panel`}>
                {n.name}
              </Button>
            </Td>
            <Td dataLabel="Health">
              <HealthLabel health={n.health} /> {causes.has(n.name) && 'root cause'}
            </Td>
            <Td dataLabel="Since">{n.since ? <RelativeTime ts={n.since} /> : '—'}</Td>
            <Td dataLabel="Is">{sizeText(n)}</Td>
            <Td dataLabel="Version">{(n.versions ?? []).join(', ') || '—'}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}
