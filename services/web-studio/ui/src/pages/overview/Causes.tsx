import { Alert, Content, List, ListItem } from '@patternfly/react-core';
import type { UseQueryResult } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { Schema } from '~/api/client';
import { Answered, RelativeTime } from '~/ui';

type Cause = Schema<'view-service.Cause'>;

/** What explains all that fails, the widest first, each with what it drags down. */
export function Causes({ query }: { query: UseQueryResult<Schema<'view-service.CausesOutBody'>> }) {
  return (
    <Answered query={query} what="the causes">
      {({ causes, partial }) => (
        <section aria-label="What is wrong" className="sb-causes">
          {(causes ?? []).length === 0 && <Alert isInline variant="success" title="Nothing is wrong" component="h2" />}
          {(causes ?? []).map((cause) => (
            <One key={cause.node} cause={cause} />
          ))}
          {partial && <Alert isInline isPlain variant="info" title={partial} component="p" />}
        </section>
      )}
    </Answered>
  );
}

function One({ cause }: { cause: Cause }) {
  const evidence = cause.evidence ?? [];
  const silent = (cause.silent ?? []).slice(0, 4);
  const affected = cause.affected ?? [];
  return (
    <Alert isInline variant={cause.health === 'degraded' ? 'warning' : 'danger'} title={cause.summary} component="h2">
      <Content component="p">
        {cause.since && (
          <>
            Since <RelativeTime ts={cause.since} />.{' '}
          </>
        )}
        {affected.length > 0 ? `It drags down ${listed(affected)}.` : 'Nothing else fails because of it.'}
      </Content>
      {silent.length > 0 && (
        <List isPlain className="sb-evidence">
          {silent.map((s) => (
            <ListItem key={s.instance}>
              <Instance service={cause.node} instance={s.instance} /> was last heard <RelativeTime ts={s.since} />
            </ListItem>
          ))}
        </List>
      )}
      {evidence.length > 0 && (
        <List isPlain className="sb-evidence">
          {evidence.slice(0, 4).map((e) => (
            <ListItem key={`${e.instance}${e.check}`}>
              <Instance service={e.service} instance={e.instance} /> {e.check}:{' '}
              <Link to="/logs" search={{ q: `instance:${e.instance} level>=warn`, since: '1h' } as never} title={`What ${e.instance} warns of`}>
                {e.error}
              </Link>
            </ListItem>
          ))}
          {evidence.length > 4 && <ListItem>and {evidence.length - 4} more checks</ListItem>}
        </List>
      )}
    </Alert>
  );
}

function Instance({ service, instance }: { service: string; instance: string }) {
  return (
    <Link to="/fleet/$instance" params={{ instance } as never} search={{ service } as never}>
      {instance}
    </Link>
  );
}

const listed = (names: string[]) => (names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`);
