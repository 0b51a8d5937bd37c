import { at, missing } from '~/ui';
import type { Gap } from './list';

/** A hole in the log: whose records are missing, how many, and why. */
export function GapRow({ gap }: { gap: Gap }) {
  const time = [gap.from_ts, gap.to_ts].map((t) => (t ? at(t) : 'an unknown time')).join(' – ');
  return (
    <div className="sb-gap">
      <strong>Gap:</strong> {missing(gap)} {gap.to_seq === gap.from_seq ? 'is' : 'are'} missing, {time}: {gap.cause}
    </div>
  );
}
