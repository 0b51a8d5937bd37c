import { List, ListItem } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
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
                  <Link to="/logs" search={{ q: `instance:${gap.instance}`, ...around(gap) } as never} title="The log around it">
                    {missing(gap)}
                  </Link>
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

/** The time of a hole, with a minute at each side. */
function around({ from_ts, to_ts }: { from_ts?: string; to_ts?: string }): { since: string; until?: string } {
  const minute = 60_000;
  const at = (ts: string, by: number) => new Date(Date.parse(ts) + by).toISOString();
  const [from, to] = [from_ts ?? to_ts, to_ts ?? from_ts];
  return from && to ? { since: at(from, -minute), until: at(to, minute) } : { since: '24h' };
}
