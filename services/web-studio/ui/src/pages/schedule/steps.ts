import type { Fire } from '~/pages/schedules/words';
import { duration } from '~/ui/format';

interface Step {
  name: string;
  ts: string;
  /** How long after the step before it: "40 ms later". */
  after: string;
}

/** What happened to a fire, in the order of time. Attempts after the first renew the steps of the one before. */
export function steps(fire: Fire): Step[] {
  const all: [string, string | undefined][] = [
    [fire.manual && !fire.backfill ? 'Asked for' : 'Due', fire.due],
    [fire.state === 'skipped' ? 'Left out' : fire.backfill ? 'Put into the ledger' : 'Planned', fire.manual && !fire.backfill ? undefined : fire.planned_at],
    ['Published', fire.published_at],
    ['Received', fire.received_at],
    [fire.state === 'done' ? 'Done' : fire.state === 'failed' ? 'Failed' : 'Ended', fire.state === 'skipped' ? undefined : fire.ended_at],
  ];
  const there = all.filter((step): step is [string, string] => step[1] !== undefined);
  return there.map(([name, ts], i) => {
    const before = there[i - 1]?.[1];
    const ms = before === undefined ? 0 : new Date(ts).getTime() - new Date(before).getTime();
    return { name, ts, after: before === undefined ? '' : ms >= 0 ? `${duration(ms)} later` : `${duration(-ms)} before` };
  });
}
