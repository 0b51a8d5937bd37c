import { useRef, useState } from 'react';
import type { Schedule } from '~/pages/schedules/words';
import { at, ConfirmAct, RelativeTime } from '~/ui';
import { Note } from './Note';
import { Drift } from './Notices';
import { useActs } from './queries';

interface Props {
  schedule: Schedule;
  onClose: () => void;
}

export function RunNow({ schedule, onClose, onFire }: Props & { onFire: (id: string) => void }) {
  const { run } = useActs(schedule.name);
  const gone = useRef(false);
  async function act() {
    const { fire_id } = await run();
    gone.current = true;
    onFire(fire_id);
  }
  return (
    <ConfirmAct title={`Run ${schedule.name} now?`} verb="Run it now" danger={false} act={act} onClose={() => gone.current || onClose()}>
      <p>
        {schedule.service} does now what it does when the schedule is due{schedule.payload !== undefined && ', with the same payload'}. It is one fire beside the plan: the next due time stays{schedule.next_due && ` ${at(schedule.next_due)}`}
        {schedule.paused && ', and the schedule stays paused'}.
      </p>
      {schedule.last_fire && !schedule.last_fire.ended_at && <p>The last fire has not ended yet. This one runs beside it.</p>}
    </ConfirmAct>
  );
}

export function Pause({ schedule, onClose }: Props) {
  const { pause } = useActs(schedule.name);
  const [note, setNote] = useState('');
  async function act() {
    if (!note.trim()) throw new Error('Say why: the note stands beside the schedule while it is paused');
    await pause(note.trim());
  }
  return (
    <ConfirmAct title={`Pause ${schedule.name}?`} verb="Pause it" act={act} onClose={onClose}>
      <p>
        What comes due is left out, with the reason paused in the ledger, until somebody resumes it.
        {schedule.next_due && (
          <>
            {' '}
            The first one is due <RelativeTime ts={schedule.next_due} />, {at(schedule.next_due)}.
          </>
        )}{' '}
        A fire that is under way goes on.
      </p>
      <Note required value={note} onChange={setNote} />
    </ConfirmAct>
  );
}

export function Resume({ schedule, onClose }: Props) {
  const { resume } = useActs(schedule.name);
  return (
    <ConfirmAct title={`Resume ${schedule.name}?`} verb="Resume it" danger={false} act={async () => void (await resume())} onClose={onClose}>
      <p>
        It was paused{schedule.paused_by && ` by ${schedule.paused_by}`}: {schedule.paused_note}
      </p>
      <p>It goes on with its next due time. What was left out meanwhile is not caught up; backfill what is wanted after all.</p>
    </ConfirmAct>
  );
}

export function Revert({ schedule, onClose }: Props) {
  const { revert } = useActs(schedule.name);
  const [note, setNote] = useState('');
  return (
    <ConfirmAct title="Drop the edit?" verb="Drop the edit" act={async () => void (await revert(schedule.revision, note.trim()))} onClose={onClose}>
      <p>{schedule.name} is again as its service declares it:</p>
      <Drift schedule={schedule} />
      <Note value={note} onChange={setNote} />
    </ConfirmAct>
  );
}

export function Remove({ schedule, onClose, onGone }: Props & { onGone: () => void }) {
  const { remove } = useActs(schedule.name);
  const [note, setNote] = useState('');
  const gone = useRef(false); // to another address: closing would lead back
  async function act() {
    await remove(schedule.revision, note.trim());
    gone.current = true;
    onGone();
  }
  return (
    <ConfirmAct title={`Delete ${schedule.name}?`} verb="Delete it" type={schedule.name} act={act} onClose={() => gone.current || onClose()}>
      <p>It is not due any more, and what waits of it is left out. Its ledger stays. It cannot be brought back but by making it anew.</p>
      <Note value={note} onChange={setNote} />
    </ConfirmAct>
  );
}
