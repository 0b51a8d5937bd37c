import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Schema } from '~/api/client';
import { Answered, EmptyTeach, HealthLabel } from '~/ui';
import type { ServiceRow } from './summary';

/** One row a service, what is wrong first. */
export function Services({ query, rows }: { query: UseQueryResult<Schema<'view-service.InstancesOutBody'>>; rows: ServiceRow[] }) {
  return (
    <Answered query={query} what="the services">
      {() =>
        rows.length === 0 ? (
          <EmptyTeach small title="No instance has reported" command="signalbox ps">
            A service with the sidecar reports itself within seconds of its start. Your roles may be for services that do not run.
          </EmptyTeach>
        ) : (
          <Table aria-label="Services" variant="compact" gridBreakPoint="grid-md">
            <Thead>
              <Tr>
                <Th>Service</Th>
                <Th>Health</Th>
                <Th>Instances</Th>
                <Th>Version</Th>
                <Th>Drift</Th>
              </Tr>
            </Thead>
            <Tbody>
              {rows.map((row) => (
                <Tr key={row.service}>
                  <Td dataLabel="Service">
                    <Link to="/logs" search={{ q: `service:${row.service}` } as never} title={`What ${row.service} says`}>
                      {row.service}
                    </Link>
                  </Td>
                  <Td dataLabel="Health">
                    <HealthLabel health={row.health} />
                  </Td>
                  <Td dataLabel="Instances">
                    <Link to="/fleet" search={{ q: row.service } as never} title={`The instances of ${row.service}`}>
                      {row.live} live{row.lost > 0 && `, ${row.lost} lost`}
                    </Link>
                  </Td>
                  <Td dataLabel="Version">{row.versions.join(', ') || '—'}</Td>
                  <Td dataLabel="Drift">{row.drifting > 0 ? `${row.drifting} of ${row.live}` : 'no'}</Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        )
      }
    </Answered>
  );
}
