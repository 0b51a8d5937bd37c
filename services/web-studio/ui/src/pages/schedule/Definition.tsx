import { Card, CardBody, CardTitle, DescriptionList, Grid, GridItem } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import type { Schedule } from '~/pages/schedules/words';
import { at } from '~/ui';
import { Fact } from './Health';
import { policies } from './policies';

/** What it is made of: its policies in words, what it carries, and where it is from. */
export function Definition({ schedule: s }: { schedule: Schedule }) {
  return (
    <Grid hasGutter>
      <GridItem span={12} lg={7}>
        <Part title="When things do not go as planned">
          <DescriptionList isCompact isHorizontal horizontalTermWidthModifier={{ default: '10rem' }}>
            {policies(s).map(([name, sentence]) => (
              <Fact key={name} term={name}>
                {sentence}
              </Fact>
            ))}
          </DescriptionList>
        </Part>
      </GridItem>
      <GridItem span={12} lg={5}>
        <Part title="Payload">
          {s.payload === undefined ? (
            <p>It carries nothing but its name and due time.</p>
          ) : (
            <pre className="sb-payload" tabIndex={0} aria-label="Payload as JSON">
              {JSON.stringify(s.payload, null, 2)}
            </pre>
          )}
        </Part>
        <Part title="From">
          <DescriptionList isCompact isHorizontal horizontalTermWidthModifier={{ default: '6rem' }}>
            <Fact term="Handled by">{s.service}</Fact>
            <Fact term="Made by">{s.origin === 'declared' ? 'its service, in code' : 'people'}</Fact>
            {s.edited_at && (
              <Fact term={s.origin === 'made' && !s.declared ? 'Saved' : 'Edited'}>
                {at(s.edited_at)}, by {s.edited_by}
              </Fact>
            )}
            <Fact term="Revision">{s.revision}</Fact>
          </DescriptionList>
        </Part>
      </GridItem>
    </Grid>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card component="section" aria-label={title} isPlain>
      <CardTitle component="h2">{title}</CardTitle>
      <CardBody>{children}</CardBody>
    </Card>
  );
}
