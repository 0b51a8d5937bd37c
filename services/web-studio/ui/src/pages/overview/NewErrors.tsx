import { List, ListItem } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import type { Schema } from '~/api/client';
import { ofTemplate } from '~/pages/logs/terms';
import { Answered, clock, count, EmptyTeach, RelativeTime } from '~/ui';
import { useNewErrors } from './queries';
import { lastDeploy } from './summary';

/** Errors that nobody said before the newest version began to run. */
export function NewErrors({ instances }: { instances?: Schema<'view-service.Instance'>[] }) {
  const since = lastDeploy(instances ?? []);
  const query = useNewErrors(since);
  return (
    <Answered query={query} what="the error patterns">
      {({ patterns, partial }) => (
        <>
          {patterns.length === 0 ? (
            <EmptyTeach small title="No new errors" command={`signalbox logs patterns --since 24h --new-since ${since} --new 'level>=error'`}>
              What is said at ERROR since {clock(since, false)}, the last deploy, and was not said before, stands here.
            </EmptyTeach>
          ) : (
            <List isPlain isBordered>
              {patterns.slice(0, 8).map((p) => (
                <ListItem key={p.template}>
                  <div className="sb-row">
                    <Link to="/logs" search={{ q: `level>=error ${ofTemplate(p.template)}`, since: '24h' } as never} className="sb-template">
                      {p.template}
                    </Link>
                    <strong>{count(p.count)}×</strong>
                  </div>
                  <div className="sb-subtle">
                    {(p.services ?? []).join(', ')}, last <RelativeTime ts={p.last} />
                  </div>
                </ListItem>
              ))}
            </List>
          )}
          {partial && <p className="sb-subtle">Time was up before all was looked through; there may be more.</p>}
        </>
      )}
    </Answered>
  );
}
