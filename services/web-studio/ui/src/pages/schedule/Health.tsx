import { DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { FireState } from '~/pages/schedules/FireState';
import { Strip } from '~/pages/schedules/Strip';
import { reasons, type Schedule } from '~/pages/schedules/words';
import { duration, RelativeTime } from '~/ui';

/** What became of the last fires. */
export function Health({ schedule: s }: { schedule: Schedule }) {
  const last = s.last_fire;
  return (
    <>
      <Strip schedule={s.name} fires={s.recent ?? []} />
      <DescriptionList isCompact isHorizontal horizontalTermWidthModifier={{ default: '6rem' }} className="sb-facts">
        <Fact term="Last">
          {last ? (
            <>
              <FireState fire={last} brief />{' '}
              <Link to={'.' as never} search={((before: object) => ({ ...before, fire: last.id })) as never}>
                <RelativeTime ts={last.due} />
              </Link>
              {last.state !== 'done' && last.reason && <div>{reasons[last.reason].what}</div>}
              {(last.error || last.result) && <div className="sb-told">{last.error || last.result}</div>}
            </>
          ) : (
            'It has not fired yet.'
          )}
        </Fact>
        <Fact term="Done, 24 h">{s.success_rate === undefined ? 'nothing has ended' : `${percent(s.success_rate)} of what ended`}</Fact>
        <Fact term="Takes, 24 h">{s.p50_ms === undefined ? 'not known' : `${duration(s.p50_ms)} half of the time, ${duration(s.p95_ms ?? s.p50_ms)} or less in 95 of 100`}</Fact>
      </DescriptionList>
    </>
  );
}

/** 100 % only when it is all of them. */
export function percent(share: number): string {
  const of = share * 100;
  return `${of > 99 && of < 100 ? 'more than 99' : Math.round(of)} %`;
}

export function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  );
}
