import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { Link } from '@tanstack/react-router';
import { Answered, count, EmptyTeach, RelativeTime } from '~/ui';
import { failedQuery, useFailed } from './queries';

const most = 50;

/** Traces in which something was said at ERROR, the newest first. */
export function FailedTraces({ since, service }: { since: string; service?: string }) {
  return (
    <Answered query={useFailed(since, service)} what="the traces with errors">
      {({ traces, more, partial }) =>
        traces.length === 0 ? (
          <EmptyTeach small title={service ? `${service} said no error in a trace` : 'No trace has an error'} command={`signalbox logs --since ${since} '${failedQuery(service)}'`}>
            A request, an event or a timed event in which a service says something at ERROR stands here, with a link to all that happened in it.
          </EmptyTeach>
        ) : (
          <>
            <Table aria-label="Traces with errors" variant="compact" gridBreakPoint="grid-md">
              <Thead>
                <Tr>
                  <Th>Trace</Th>
                  <Th>When</Th>
                  <Th>Services</Th>
                  <Th width={50}>Newest error</Th>
                  <Th>Errors</Th>
                </Tr>
              </Thead>
              <Tbody>
                {traces.slice(0, most).map((t) => (
                  <Tr key={t.id}>
                    <Td dataLabel="Trace" modifier="nowrap">
                      <Link to={'/traces/$id' as never} params={{ id: t.id } as never} title={t.id} aria-label={`Trace ${t.id}`}>
                        <code>{t.id.slice(0, 8)}</code>
                      </Link>
                    </Td>
                    <Td dataLabel="When" modifier="nowrap">
                      <RelativeTime ts={t.ts} />
                    </Td>
                    <Td dataLabel="Services">{t.services.join(', ')}</Td>
                    <Td dataLabel="Newest error" modifier="breakWord">
                      {t.msg.split('\n', 1)[0]}
                    </Td>
                    <Td dataLabel="Errors">{count(t.errors)}</Td>
                  </Tr>
                ))}
              </Tbody>
            </Table>
            {(more || partial || traces.length > most) && (
              <p className="sb-subtle">
                These are the newest.{' '}
                <Link to={'/logs' as never} search={{ q: failedQuery(service), since } as never}>
                  All errors of traces in the log
                </Link>
              </p>
            )}
          </>
        )
      }
    </Answered>
  );
}
