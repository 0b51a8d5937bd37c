import { Alert, Card, CardBody, CardHeader, CardTitle, Grid, GridItem, List, ListItem } from '@patternfly/react-core';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Schema } from '~/api/client';
import { condition, type Instance } from '~/pages/fleet/fleet';
import { Uptime } from '~/pages/fleet/FleetTable';
import { ChangeDialog } from '~/pages/levels/ChangeDialog';
import { LeaseDialog } from '~/pages/levels/LeaseDialog';
import { Profiles } from '~/pages/levels/Profiles';
import { ActButton, Answered, HealthLabel, PageFrame, RelativeTime, useUrl } from '~/ui';
import { About } from './About';
import { Checks, isRange } from './Checks';
import { Leased } from './Leased';
import { Lines, linesOf } from './Lines';
import { Loggers } from './Loggers';
import { useInstance } from './queries';
import { Takes } from './Takes';
import '~/pages/levels/levels.css';
import './instance.css';

/** One instance: how it is and was, what it takes, what it says, what is changed there. */
export default function InstancePage() {
  const { instance = '' } = useParams({ strict: false }) as { instance?: string };
  const [url] = useUrl<'service'>();
  const query = useInstance(instance, url.service);
  return (
    <PageFrame title={instance} lead={query.data && <Lead instance={query.data.instance} now={query.dataUpdatedAt} />} actions={<Link to="/fleet">All instances</Link>}>
      <Answered query={query} what="the instance">
        {(detail) => <Detail detail={detail} now={query.dataUpdatedAt} />}
      </Answered>
    </PageFrame>
  );
}

function Lead({ instance, now }: { instance: Instance; now: number }) {
  return (
    <span className="sb-lead">
      <HealthLabel health={condition(instance, now)} />
      <span>
        {instance.service} {instance.version}
        {instance.state === 'live' && instance.started_at && (
          <>
            , running for <Uptime since={instance.started_at} />
          </>
        )}
      </span>
    </span>
  );
}

function Detail({ detail, now }: { detail: Schema<'view-service.InstanceDetail'>; now: number }) {
  const [url, change] = useUrl<'range' | 'do' | 'lease'>();
  const { instance } = detail;
  const { service, instance: name } = instance;
  const range = isRange(url.range) ? url.range : '24h';
  const q = linesOf(service, name);
  return (
    <>
      <Grid hasGutter>
        <Trouble instance={instance} />
        <Tile title="What it takes">
          <Takes detail={detail} now={now} />
        </Tile>
        <Tile title="Checks" half>
          <Checks instance={instance} history={detail.history ?? []} now={now} range={range} onRange={(r) => change({ range: r === '24h' ? '' : r }, { replace: true })} />
        </Tile>
        <GridItem span={12} xl={6}>
          <Grid hasGutter>
            <Tile title="What it is">
              <About instance={instance} />
            </Tile>
            <Tile title="Levels" act={<Link to="/levels" search={{ q: name, open: service } as never}>In the tree</Link>}>
              <Loggers instance={instance} />
            </Tile>
          </Grid>
        </GridItem>
        <Tile title="Newest lines" act={<Link to="/logs" search={{ q } as never}>In the log</Link>}>
          <Lines service={service} instance={name} />
        </Tile>
        <Tile title="Leases" act={<Link to="/levels" search={{ tab: 'leases', of: service } as never}>All leases</Link>}>
          <Leased instance={instance} />
        </Tile>
        <Tile
          title="Profiles"
          act={
            <ActButton needs="operator" service={service} variant="secondary" size="sm" unless={instance.state === 'live' ? undefined : 'It does not run.'} onClick={() => change({ do: 'profile' })}>
              Capture a profile…
            </ActButton>
          }
        >
          <Profiles service={service} instance={name} />
        </Tile>
      </Grid>
      {url.do === 'profile' && <ChangeDialog kind="profile" given={{ service, instance: name }} onClose={() => change({ do: '' })} onDone={(lease) => change({ do: '', lease })} />}
      {url.do !== 'profile' && url.lease && <LeaseDialog key={url.lease} id={url.lease} onClose={() => change({ lease: '' })} />}
    </>
  );
}

/** What is not as it should be: it is not there, or differs from what is desired. */
function Trouble({ instance }: { instance: Instance }) {
  const drift = instance.drift ?? [];
  if (instance.state === 'live' && drift.length === 0) return null;
  return (
    <GridItem span={12} className="sb-trouble">
      {instance.state === 'lost' && (
        <Alert isInline variant="danger" component="h2" title="It is lost">
          It was last heard <RelativeTime ts={instance.heard_at} />, and did not say that it stops. What stands here is what it said last.
        </Alert>
      )}
      {instance.state === 'stopped' && (
        <Alert isInline variant="info" component="h2" title="It was stopped">
          It said goodbye <RelativeTime ts={instance.heard_at} />. What stands here is what it said last; a day later it is forgotten.
        </Alert>
      )}
      {drift.length > 0 && (
        <Alert isInline variant="warning" component="h2" title="It is not as it should be">
          <List isPlain>
            {drift.map((d) => (
              <ListItem key={d.what}>
                {d.what}: {d.have} instead of {d.want}, since <RelativeTime ts={d.since} />
              </ListItem>
            ))}
          </List>
        </Alert>
      )}
    </GridItem>
  );
}

function Tile({ title, half, act, children }: { title: string; half?: boolean; act?: ReactNode; children: ReactNode }) {
  return (
    <GridItem span={12} xl={half ? 6 : 12}>
      <Card isFullHeight component="section" aria-label={title}>
        <CardHeader actions={act ? { actions: act, hasNoOffset: true } : undefined}>
          <CardTitle component="h2">{title}</CardTitle>
        </CardHeader>
        <CardBody>{children}</CardBody>
      </Card>
    </GridItem>
  );
}
