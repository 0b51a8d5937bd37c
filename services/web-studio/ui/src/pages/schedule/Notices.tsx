import { Alert } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useOverdue } from '~/pages/schedules/queries';
import type { Schedule } from '~/pages/schedules/words';
import { ActButton, at, RelativeTime } from '~/ui';
import { fieldNames, fieldText } from './policies';

interface Props {
  schedule: Schedule;
  onResume: () => void;
  onRevert: () => void;
}

/** What is not as usual: overdue, paused, edited. */
export function Notices({ schedule: s, onResume, onRevert }: Props) {
  const late = useOverdue().data?.get(s.name);
  const drift = s.drift ?? [];
  return (
    <div className="sb-notices">
      {late && (
        <Alert isInline variant="danger" title={`Overdue: what was due ${at(late.due)} should have ended, and nothing was heard of its end.`}>
          {late.count > 1 && (
            <p>
              {late.count - 1}
              {late.more && ' and more'} due times after it have not ended either.
            </p>
          )}
        </Alert>
      )}
      {s.paused && (
        <Alert
          isInline
          variant="warning"
          title={`Paused${s.paused_by ? ` by ${s.paused_by}` : ''}: ${s.paused_note}`}
          actionLinks={
            <ActButton needs="operator" service={s.service} variant="link" isInline onClick={onResume}>
              Resume…
            </ActButton>
          }
        >
          {s.paused_at && (
            <p>
              <RelativeTime ts={s.paused_at} />, {at(s.paused_at)}
            </p>
          )}
        </Alert>
      )}
      {s.declared && drift.length > 0 && (
        <Alert
          isInline
          isExpandable
          variant="info"
          title={`Edited: other than its service declares in ${drift.map((f) => fieldNames[f] ?? f).join(', ')}`}
          actionLinks={
            <ActButton needs="operator" service={s.service} variant="link" isInline onClick={onRevert}>
              Drop the edit…
            </ActButton>
          }
        >
          <Drift schedule={s} />
          {s.edited_at && (
            <p>
              Edited by {s.edited_by} <RelativeTime ts={s.edited_at} />, {at(s.edited_at)}. The edit is in force until it is dropped.
            </p>
          )}
        </Alert>
      )}
    </div>
  );
}

/** What is in force beside what is declared. */
export function Drift({ schedule }: { schedule: Schedule }) {
  return (
    <Table aria-label="What differs" variant="compact" borders={false} gridBreakPoint="">
      <Thead>
        <Tr>
          <Th>Field</Th>
          <Th>In force</Th>
          <Th>Declared</Th>
        </Tr>
      </Thead>
      <Tbody>
        {(schedule.drift ?? []).map((field) => (
          <Tr key={field}>
            <Td>{fieldNames[field] ?? field}</Td>
            <Td modifier="breakWord">{fieldText(schedule, field)}</Td>
            <Td modifier="breakWord">{schedule.declared && fieldText(schedule.declared, field)}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}
