import { Button, Progress } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { Link } from '@tanstack/react-router';
import { FireState } from '~/pages/schedules/FireState';
import { type Fire, open } from '~/pages/schedules/words';
import { at, duration } from '~/ui';

interface Props {
  fires: Fire[];
  onOpen: (id: string) => void;
}

/** Rows of the ledger. One leads to the whole of the fire. */
export function Fires({ fires, onOpen }: Props) {
  return (
    <Table aria-label="Fires" variant="compact" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th>Due</Th>
          <Th width={35}>What became of it</Th>
          <Th modifier="nowrap">Took</Th>
          <Th modifier="nowrap">Attempt</Th>
          <Th>Instance</Th>
          <Th>Trace</Th>
        </Tr>
      </Thead>
      <Tbody>
        {fires.map((fire) => (
          <Tr key={fire.id}>
            <Td dataLabel="Due" modifier="nowrap">
              <div>
                <Button variant="link" isInline onClick={() => onOpen(fire.id)} aria-label={`${at(fire.due)}: show the fire`}>
                  {at(fire.due)}
                </Button>
                <div className="sb-written">{origin(fire)}</div>
              </div>
            </Td>
            <Td dataLabel="What became of it" modifier="breakWord">
              <div>
                <FireState fire={fire} />
                {open(fire) && fire.progress !== undefined && <Progress aria-label="How far it is" size="sm" value={Math.round(fire.progress * 100)} />}
                {(fire.error || fire.result || fire.note) && <div className="sb-told sb-clamp">{fire.error || fire.result || fire.note}</div>}
              </div>
            </Td>
            <Td dataLabel="Took" modifier="nowrap">
              {fire.duration_ms === undefined ? '—' : duration(fire.duration_ms)}
            </Td>
            <Td dataLabel="Attempt" modifier="nowrap">
              {attempt(fire)}
            </Td>
            <Td dataLabel="Instance" modifier="breakWord">
              {fire.instance || '—'}
            </Td>
            <Td dataLabel="Trace">
              {fire.trace_id ? (
                <Link to={'/traces/$id' as never} params={{ id: fire.trace_id } as never} aria-label={`Trace ${fire.trace_id}`}>
                  {fire.trace_id.slice(0, 8)}
                </Link>
              ) : (
                '—'
              )}
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

/** "2 of 5"; nothing for what was never tried. */
export const attempt = ({ attempt: n, attempts }: Pick<Fire, 'attempt' | 'attempts'>) => (n ? `${n} of ${Math.max(n, attempts ?? 1)}` : '—');

/** How the row came to be, where that is not the plan alone. */
export function origin(fire: Fire): string {
  if (fire.backfill) return `backfilled by ${fire.requested_by}`;
  if (fire.manual) return `by hand, ${fire.requested_by}`;
  return (fire.missed ?? 0) > 1 ? `and ${(fire.missed ?? 0) - 1} more until ${at(fire.until ?? fire.due)}` : '';
}
