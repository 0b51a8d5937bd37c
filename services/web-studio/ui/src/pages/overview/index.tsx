import { Card, CardBody, CardHeader, CardTitle, Grid, GridItem } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { PageFrame, Stale } from '~/ui';
import { Causes } from './Causes';
import { Gaps } from './Gaps';
import { Leases } from './Leases';
import { NewErrors } from './NewErrors';
import { Overdue } from './Overdue';
import { useCauses, useInstances } from './queries';
import { Services } from './Services';
import { byService, headline } from './summary';
import './overview.css';

/** The mesh in one glance: what is wrong first. */
export default function Overview() {
  const causes = useCauses();
  const instances = useInstances();
  const rows = byService(instances.data?.instances ?? []);
  const known = causes.data && instances.data;
  const old = causes.isError || instances.isError ? Math.min(causes.dataUpdatedAt || Number.MAX_SAFE_INTEGER, instances.dataUpdatedAt || Number.MAX_SAFE_INTEGER) : undefined;
  return (
    <PageFrame title="Overview" lead={known && <span role="status">{headline(rows, causes.data.causes?.length ?? 0)}</span>} actions={known && <Stale since={old} why={(causes.error ?? instances.error)?.message} />}>
      <Grid hasGutter>
        <GridItem span={12}>
          <Causes query={causes} />
        </GridItem>
        <Tile title="Services" wide>
          <Services query={instances} rows={rows} />
        </Tile>
        <Tile title="Active leases">
          <Leases />
        </Tile>
        <Tile title="Overdue schedules">
          <Overdue />
        </Tile>
        <Tile title="New error patterns">
          <NewErrors instances={instances.data?.instances ?? undefined} />
        </Tile>
        <Tile title="Gaps in the log">
          <Gaps />
        </Tile>
      </Grid>
    </PageFrame>
  );
}

function Tile({ title, wide, children }: { title: string; wide?: boolean; children: ReactNode }) {
  return (
    <GridItem span={12} lg={wide ? 12 : 6}>
      <Card isFullHeight component="section" aria-label={title}>
        <CardHeader>
          <CardTitle component="h2">{title}</CardTitle>
        </CardHeader>
        <CardBody>{children}</CardBody>
      </Card>
    </GridItem>
  );
}
