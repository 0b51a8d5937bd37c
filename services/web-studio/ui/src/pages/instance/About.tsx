import { DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Instance } from '~/pages/fleet/fleet';
import { at, RelativeTime } from '~/ui';

/** Where and what it is. */
export function About({ instance: i }: { instance: Instance }) {
  return (
    <DescriptionList isCompact columnModifier={{ default: '1Col', sm: '2Col' }}>
      <Fact name="Service">
        <Link to="/fleet" search={{ q: i.service } as never}>
          {i.service}
        </Link>
      </Fact>
      <Fact name="Version">{i.version || '—'}</Fact>
      <Fact name="Public address">
        <code>{i.address}</code>
      </Fact>
      <Fact name="Private address">{i.private ? <code>{i.private}</code> : '—'}</Fact>
      <Fact name="Environment">{i.environment || '—'}</Fact>
      <Fact name="Process">{i.usage?.process || i.pid}</Fact>
      <Fact name="Started">{i.started_at ? at(i.started_at) : '—'}</Fact>
      <Fact name="Heard">
        <RelativeTime ts={i.heard_at} />
      </Fact>
    </DescriptionList>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{name}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  );
}
