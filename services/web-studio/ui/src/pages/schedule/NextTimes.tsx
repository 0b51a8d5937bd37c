import { List, ListItem } from '@patternfly/react-core';
import { inWords, type Schedule, written } from '~/pages/schedules/words';
import { Answered, RelativeTime } from '~/ui';
import { useNext } from './queries';
import { due, hereText } from './zone';

const many = 6;

/** When it is due, in words and as written, and the next times. */
export function NextTimes({ schedule }: { schedule: Schedule }) {
  return (
    <>
      <p>
        <strong>{inWords(schedule)}</strong>
      </p>
      <p className="sb-written">
        {(schedule.cron || schedule.anchor) && <code>{written(schedule)}</code>} {schedule.time_zone || 'UTC'}
      </p>
      <Answered query={useNext(schedule, many)} what="the next times">
        {({ items, time_zone }) =>
          (items ?? []).length === 0 ? (
            <p>It is not due any more.</p>
          ) : (
            <>
              <Times times={items ?? []} zone={time_zone} label="Next times" />
              {schedule.paused && <p className="sb-subtle">It is paused: what comes due is left out until it is resumed.</p>}
            </>
          )
        }
      </Answered>
    </>
  );
}

interface Props {
  times: string[];
  zone: string;
  label: string;
}

/** Due times by the clocks of their zone, by the clock here where that is another one, and how soon they come. */
export function Times({ times, zone, label }: Props) {
  return (
    <List isPlain aria-label={label} className="sb-times">
      {times.map((ts) => (
        <ListItem key={ts}>
          <span className="sb-row">
            <span>{due(ts, zone)}</span>
            <span className="sb-subtle">
              {hereText(ts, zone) && `here ${hereText(ts, zone)}, `}
              <RelativeTime ts={ts} />
            </span>
          </span>
        </ListItem>
      ))}
    </List>
  );
}
