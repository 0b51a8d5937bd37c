import { Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import { ActButton, at } from '~/ui';
import { DropLease } from './DropLease';
import { LeaseState } from './LeaseDialog';
import { Remaining } from './Remaining';
import { budgetText, kindNames, type Lease, targetText, whatText } from './words';

interface Props {
  leases: Lease[];
  /** When they were asked for, by this browser's clock. */
  asked: number;
  label: string;
  /** Whether the kind is said. */
  kinds?: boolean;
  onOpen: (id: string) => void;
}

/** Leases, each with its countdown and a way to end it. */
export function LeaseTable({ leases, asked, label, kinds, onOpen }: Props) {
  const [dropping, setDropping] = useState<Lease>();
  return (
    <>
      <Table aria-label={label} variant="compact" gridBreakPoint="grid-md">
        <Thead>
          <Tr>
            {kinds && <Th>Kind</Th>}
            <Th>What</Th>
            <Th>For</Th>
            <Th>Remains</Th>
            <Th>By</Th>
            <Th>Reason</Th>
            <Th screenReaderText="Acts" />
          </Tr>
        </Thead>
        <Tbody>
          {leases.map((lease) => (
            <Tr key={lease.id}>
              {kinds && <Td dataLabel="Kind">{kindNames[lease.kind]}</Td>}
              <Td dataLabel="What" modifier="breakWord">
                <Button variant="link" isInline onClick={() => onOpen(lease.id)} aria-label={`${whatText(lease)}: show the receipt`}>
                  {whatText(lease) || 'show it'}
                </Button>
                {lease.budget && <div className="sb-faint">at most {budgetText(lease.budget)}</div>}
              </Td>
              <Td dataLabel="For" modifier="breakWord">
                {targetText(lease)}
              </Td>
              <Td dataLabel="Remains">
                {lease.state === 'active' ? (
                  <Remaining ms={lease.remaining_ms} asked={asked} keep={lease.keep} />
                ) : (
                  <>
                    <LeaseState lease={lease} /> <span className="sb-faint">{lease.ended_at && at(lease.ended_at)}</span>
                  </>
                )}
              </Td>
              <Td dataLabel="By">{lease.owner}</Td>
              <Td dataLabel="Reason" modifier="breakWord">
                {lease.reason}
              </Td>
              <Td modifier="fitContent">
                {lease.state === 'active' && (
                  <ActButton needs="operator" service={lease.service} all variant="secondary" size="sm" onClick={() => setDropping(lease)} aria-label={`End ${whatText(lease)} on ${targetText(lease)}`}>
                    End…
                  </ActButton>
                )}
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      {dropping && <DropLease leases={[dropping]} onClose={() => setDropping(undefined)} onDone={() => onOpen(dropping.id)} />}
    </>
  );
}
