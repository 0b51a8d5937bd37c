import { List, ListItem } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import { Answered, at, EmptyTeach, RelativeTime } from '~/ui';
import { most, useOverdue } from './queries';

/** Schedules with due times that should have ended. */
export function Overdue() {
  return (
    <Answered query={useOverdue()} what="the overdue schedules">
      {({ items }) =>
        (items ?? []).length === 0 ? (
          <EmptyTeach small title="Nothing is overdue" command="signalbox schedule list">
            A schedule stands here when a due time has not ended in done by its handler’s deadline.
          </EmptyTeach>
        ) : (
          <List isPlain isBordered>
            {(items ?? []).map((one) => (
              <ListItem key={one.schedule}>
                <div className="sb-row">
                  <Link to={'/schedules/$name' as never} params={{ name: one.schedule } as never}>
                    <strong>{one.schedule}</strong>
                  </Link>
                  <span>
                    since <RelativeTime ts={one.since} />
                  </span>
                </div>
                <div className="sb-subtle">
                  due {at(one.due)}
                  {one.count > 1 && `, and ${one.more ? 'more than ' : ''}${one.count - 1} after it`}
                  {one.last_reason && `; before that ${one.last_state}: ${one.last_reason}`}
                </div>
              </ListItem>
            ))}
            {(items ?? []).length >= most && (
              <ListItem key="more">
                <Link to={'/schedules' as never} search={{ is: 'overdue' } as never}>
                  All that are overdue
                </Link>
              </ListItem>
            )}
          </List>
        )
      }
    </Answered>
  );
}
