import { Button, Label } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { errorText, type Flow, latencyText, rateText, type State } from './model';

interface Props {
  label: string;
  flows: Flow[];
  /** What a row begins with: both ends, one of them, or the protocols of the one flow that there is. */
  of: 'both' | 'source' | 'destination' | 'protocol';
  /** In a panel: no cards on a narrow window. */
  small?: boolean;
  onChoose?: (what: { edge: string }) => void;
}

/** Connections with their figures, a row for each protocol. */
export function FlowTable({ label, flows, of, small, onChoose }: Props) {
  const name = (f: Flow) => (of === 'source' ? f.source : of === 'destination' ? f.destination : `${f.source} → ${f.destination}`);
  return (
    <Table aria-label={label} variant="compact" gridBreakPoint={small ? '' : 'grid-md'} borders={!small} className={small ? 'sb-small' : undefined}>
      <Thead>
        <Tr>
          <Th>{of === 'protocol' ? 'By' : of === 'source' ? 'From' : of === 'destination' ? 'To' : 'From and to'}</Th>
          {of === 'both' && <Th>By</Th>}
          <Th>Rate</Th>
          <Th>Errors</Th>
          {small ? (
            <Th modifier="nowrap">p50 / p99</Th>
          ) : (
            <>
              <Th>p50</Th>
              <Th>p99</Th>
            </>
          )}
          {of === 'both' && <Th>State</Th>}
        </Tr>
      </Thead>
      <Tbody>
        {flows.flatMap((f) =>
          f.edges.map((e) => (
            <Tr key={`${f.key} ${e.protocol}`}>
              <Td dataLabel="Connection" modifier={small ? undefined : 'nowrap'}>
                {of === 'protocol' || !onChoose ? (
                  e.protocol
                ) : (
                  <Button variant="link" isInline onClick={() => onChoose({ edge: f.key })} aria-label={`${f.source} to ${f.destination}: show its panel`}>
                    {name(f)}
                  </Button>
                )}
              </Td>
              {of === 'both' && <Td dataLabel="By">{e.protocol}</Td>}
              <Td dataLabel="Rate" modifier="nowrap">
                {rateText(e.rate)}
              </Td>
              <Td dataLabel="Errors" modifier="nowrap">
                {errorText(e.errors) || '—'}
              </Td>
              {small ? (
                <Td modifier="nowrap">{e.p99_ms === 0 ? '—' : `${latencyText(e.p50_ms)} / ${latencyText(e.p99_ms)}`}</Td>
              ) : (
                <>
                  <Td dataLabel="p50" modifier="nowrap">
                    {latencyText(e.p50_ms)}
                  </Td>
                  <Td dataLabel="p99" modifier="nowrap">
                    {latencyText(e.p99_ms)}
                  </Td>
                </>
              )}
              {of === 'both' && (
                <Td dataLabel="State">
                  <StateLabel state={e.open > 0 ? 'failing' : f.state} open={e.open} idle={e.rate === 0 && e.open === 0} />
                </Td>
              )}
            </Tr>
          )),
        )}
      </Tbody>
    </Table>
  );
}

/** How a connection is, in a word. */
export function StateLabel({ state, open, idle }: { state: State; open: number; idle?: boolean }) {
  const [status, text] = open > 0 ? (['danger', `breaker open on ${open}`] as const) : state === 'failing' ? (['danger', 'failing'] as const) : state === 'warning' ? (['warning', 'some fail'] as const) : idle ? ([undefined, 'idle'] as const) : (['success', 'well'] as const);
  return (
    <Label isCompact variant="outline" {...(status ? { status } : { color: 'grey' })}>
      {text}
    </Label>
  );
}
