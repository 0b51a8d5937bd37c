import { List, ListItem } from '@patternfly/react-core';
import { Answered, at, EmptyTeach, missing } from '~/ui';
import { useGaps } from './queries';

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
