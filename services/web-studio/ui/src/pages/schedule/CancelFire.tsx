import { useState } from 'react';
import { type Fire, kind } from '~/pages/schedules/words';
import { at, ConfirmAct } from '~/ui';
import { Note } from './Note';
import { useActs } from './queries';

/** Asks before a fire is ended by hand. */
export function CancelFire({ fire, onClose }: { fire: Fire; onClose: () => void }) {
  const { cancel } = useActs(fire.schedule);
  const [note, setNote] = useState('');
  const early = kind(fire.state) === 'waiting' || fire.state === 'planned';
  return (
    <ConfirmAct title="Cancel this fire?" verb="Cancel the fire" act={async () => void (await cancel(fire, note.trim()))} onClose={onClose}>
      <p>
        {fire.schedule}, {fire.manual && !fire.backfill ? 'by hand' : 'due'} {at(fire.due)}:{' '}
        {early
          ? 'no handler has it yet. It ends in the ledger at once, with the reason cancelled, and is not tried again.'
          : `${fire.instance || 'its handler'} is told to end. What it has done by then stays done; its own word decides whether the fire ends in done or as cancelled.`}
      </p>
      <Note value={note} onChange={setNote} />
    </ConfirmAct>
  );
}
