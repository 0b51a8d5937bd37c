import { List, ListItem } from '@patternfly/react-core';
import type { Schema } from '~/api/client';
import { Answered, at, count, EmptyTeach } from '~/ui';
import { useGaps } from './queries';

type Gap = Schema<'view-service.Gap'>;

/** What is missing from the log of the last day: it is never passed over. */
export function Gaps() {
  return (
    <Answered query={useGaps()} what="the gaps">
      {({ gaps }) =>
        (gaps ?? []).length === 0 ? (
          <EmptyTeach small title="Nothing is missing" command="signalbox logs gaps --since 24h">
            Each instance numbers its records. A number that never arrived is a gap, and stands here with its cause.
          </EmptyTeach>
        ) : (
          <List isPlain isBordered>
            {(gaps ?? []).map((gap) => (
              <ListItem key={`${gap.instance}${gap.epoch}${gap.class}${gap.from_seq}`}>
                <div className="sb-row">
                  <strong>{missing(gap)}</strong>
                  <span>{gap.cause}</span>
                </div>
                <div className="sb-subtle">{[gap.from_ts, gap.to_ts].map((t) => (t ? at(t) : 'not known')).join(' – ')}</div>
              </ListItem>
            ))}
          </List>
        )
      }
    </Answered>
  );
}

/** "12 records of catalogs-1 (info)". */
export function missing(gap: Gap): string {
  const many = gap.to_seq === undefined ? 'An unknown number of records' : `${count(gap.to_seq - gap.from_seq + 1)} ${gap.to_seq === gap.from_seq ? 'record' : 'records'}`;
  return `${many} of ${gap.instance} (${gap.class})`;
}
