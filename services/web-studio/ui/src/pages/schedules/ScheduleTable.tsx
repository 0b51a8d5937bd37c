import { Label } from '@patternfly/react-core';
import { PauseIcon } from '@patternfly/react-icons';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { Link } from '@tanstack/react-router';
import type { Schema } from '~/api/client';
import { clock, RelativeTime } from '~/ui';
import { FireState } from './FireState';
import { Strip } from './Strip';
import { inWords, reasons, type Schedule, written } from './words';

interface Props {
  schedules: Schedule[];
  overdue: Map<string, Schema<'view-service.OverdueSchedule'>>;
}

/** Schedules with when they are due, what comes next and what came last. */
export function ScheduleTable({ schedules, overdue }: Props) {
  return (
    <Table aria-label="Schedules" variant="compact" gridBreakPoint="grid-lg" className="sb-schedules">
      <Thead>
        <Tr>
          <Th>Schedule</Th>
          <Th>When</Th>
          <Th>Next</Th>
          <Th>Last</Th>
          <Th>Last fires</Th>
        </Tr>
      </Thead>
      <Tbody>
        {schedules.map((s) => (
          <Tr key={s.name}>
            <Td dataLabel="Schedule" modifier="breakWord">
              <Link to={'/schedules/$name' as never} params={{ name: s.name } as never}>
                <strong>{s.name}</strong>
              </Link>
              <Marks schedule={s} overdue={overdue.get(s.name)} />
            </Td>
            <Td dataLabel="When" modifier="breakWord">
              <div>
                {inWords(s)}
                <div className="sb-written">
                  {s.cron && <code>{written(s)}</code>} {s.time_zone || 'UTC'}
                </div>
              </div>
            </Td>
            <Td dataLabel="Next">
              <Next schedule={s} />
            </Td>
            <Td dataLabel="Last">
              {s.last_fire ? (
                <div>
                  <FireState fire={s.last_fire} brief />
                  <div className="sb-written">
                    {s.last_fire.state !== 'done' && s.last_fire.reason && `${reasons[s.last_fire.reason].short}, `}
                    <RelativeTime ts={s.last_fire.due} />
                  </div>
                </div>
              ) : (
                'never'
              )}
            </Td>
            <Td dataLabel="Last fires">
              <Strip schedule={s.name} fires={s.recent ?? []} />
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

function Next({ schedule }: { schedule: Schedule }) {
  if (!schedule.next_due) return 'not again';
  return (
    <div>
      {schedule.paused ? 'paused' : <RelativeTime ts={schedule.next_due} />}
      <div className="sb-written">{clock(schedule.next_due, false)}</div>
    </div>
  );
}

/** What is not as usual with a schedule, in words. */
export function Marks({ schedule: s, overdue }: { schedule: Schedule; overdue?: Schema<'view-service.OverdueSchedule'> }) {
  const edited = (s.drift ?? []).length > 0;
  if (!s.paused && !overdue && !edited && s.origin !== 'made') return null;
  return (
    <div className="sb-marks">
      {overdue && (
        <Label isCompact status="danger" textMaxWidth="16rem">
          overdue since {clock(overdue.due, false).replace(/:00$/, '')}
          {overdue.count > 1 && ` (${overdue.count}${overdue.more ? '+' : ''})`}
        </Label>
      )}
      {s.paused && (
        <Label isCompact color="yellow" icon={<PauseIcon />} textMaxWidth="16rem">
          paused{s.paused_note && `: ${s.paused_note}`}
        </Label>
      )}
      {edited && (
        <Label isCompact color="purple">
          edited
        </Label>
      )}
      {s.origin === 'made' && (
        <Label isCompact color="grey">
          made here
        </Label>
      )}
    </div>
  );
}
