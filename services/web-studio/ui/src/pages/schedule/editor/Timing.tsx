import { FormGroup, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useId, useMemo } from 'react';
import { zones } from '../zone';
import type { Kind } from './draft';
import { type FormProps, Text } from './Field';

const kinds: [Kind, string][] = [
  ['cron', 'Cron'],
  ['every', 'Interval'],
  ['calendar', 'Calendar'],
  ['at', 'Once'],
];

/** When it is due: one of four, in a zone. */
export function Timing(props: FormProps) {
  const { draft, change } = props;
  const id = useId();
  const known = useMemo(zones, []);
  return (
    <>
      <FormGroup label="Due" role="group" fieldId={`${id}-kind`}>
        <ToggleGroup aria-label="Due" id={`${id}-kind`}>
          {kinds.map(([kind, name]) => (
            <ToggleGroupItem key={kind} text={name} isSelected={draft.kind === kind} onChange={() => change({ kind })} />
          ))}
        </ToggleGroup>
      </FormGroup>
      {draft.kind === 'cron' && <Text {...props} of="cron" label="Cron line" required placeholder="0 2 * * mon-fri" help="minute, hour, day of month, month, day of week; a sixth field in front is the second. Also @daily, L, fri#2." />}
      {draft.kind === 'every' && (
        <>
          <Text {...props} of="every" label="Every" required placeholder="15m" help="90s, 15m, 1h30m" />
          <Text {...props} of="anchor" label="Counted from" placeholder="2026-11-21 08:05" help="Without one, from midnight UTC of 1970-01-01: 15m is due at :00, :15, :30 and :45." />
        </>
      )}
      {draft.kind === 'calendar' && <Text {...props} of="calendar" label="Local times" required lines={4} placeholder={'2026-12-24 18:00\n2026-12-31 18:00'} help="one a line" />}
      {draft.kind === 'at' && <Text {...props} of="at" label="At" required placeholder="2026-12-24 18:00" />}
      <Text {...props} of="zone" label="Time zone" list={`${id}-zones`} help="of the IANA database; times in this form are by its clocks" />
      <datalist id={`${id}-zones`}>
        {known.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    </>
  );
}

/** What bounds it, and what is left out. */
export function Bounds(props: FormProps) {
  return (
    <>
      <Text {...props} of="start" label="Not before" placeholder="2026-12-01 00:00" />
      <Text {...props} of="end" label="Before" placeholder="2027-01-01 00:00" help="nothing is due at it or later" />
      <Text {...props} of="except" label="Left out" lines={3} placeholder={'2026-12-25\n2026-12-24/2027-01-02\n* * * * sat,sun'} help="days, ranges of days, and cron lines, one a line" />
      <Text {...props} of="jitter" label="Spread" placeholder="5m" help="later by a fixed time below this, drawn from the name, so that many at one time do not come at once" />
    </>
  );
}
