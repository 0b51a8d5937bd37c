import { List, ListItem } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import type { Schema } from '~/api/client';
import { Answered, duration, EmptyTeach, useNow } from '~/ui';
import { useActiveLeases } from './queries';

type Lease = Schema<'view-service.Lease'>;

/** What is changed in the mesh just now, and for how long. */
export function Leases() {
  const query = useActiveLeases();
  return (
    <Answered query={query} what="the leases">
      {({ leases }) =>
        (leases ?? []).length === 0 ? (
          <EmptyTeach small title="Nothing is changed" command="signalbox lease list">
            A changed log level, a debugged user or a maintenance window is a lease: it stands here until it runs out by itself.
          </EmptyTeach>
        ) : (
          <List isPlain isBordered>
            {(leases ?? []).map((lease) => (
              <ListItem key={lease.id}>
                <div className="sb-row">
                  <Link to="/levels" search={{ lease: lease.id } as never}>
                    {target(lease)}
                  </Link>
                  <Left lease={lease} asked={query.dataUpdatedAt} />
                </div>
                <div className="sb-subtle">
                  {lease.reason} — {lease.owner}
                </div>
              </ListItem>
            ))}
          </List>
        )
      }
    </Answered>
  );
}

function Left({ lease, asked }: { lease: Lease; asked: number }) {
  const now = useNow();
  if (lease.keep) return <span>until dropped</span>;
  return <span>{duration(Math.max(0, Math.ceil((lease.remaining_ms - (now - asked)) / 1000) * 1000))} left</span>;
}

/** "level DEBUG on catalogs.store": the same words as the command line's. */
export function target(lease: Lease): string {
  const value = typeof lease.value === 'string' ? ` ${lease.value.toUpperCase()}` : '';
  return `${lease.kind}${value} on ${lease.logger || lease.instance || lease.service || 'all services'}`;
}
