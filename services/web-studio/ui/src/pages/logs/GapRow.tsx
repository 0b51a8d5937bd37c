import { at, count } from '~/ui';
import type { Gap } from './list';

/** A hole in the log: whose records are missing, how many, and why. */
export function GapRow({ gap }: { gap: Gap }) {
  const many = gap.to_seq === undefined ? 'An unknown number of records' : `${count(gap.to_seq - gap.from_seq + 1)} ${gap.to_seq === gap.from_seq ? 'record' : 'records'}`;
  const time = [gap.from_ts, gap.to_ts].map((t) => (t ? at(t) : 'an unknown time')).join(' – ');
  return (
    <div className="sb-gap">
      <strong>Gap:</strong> {many} of {gap.instance} ({gap.class}) {gap.to_seq === gap.from_seq ? 'is' : 'are'} missing, {time}: {gap.cause}
    </div>
  );
}
