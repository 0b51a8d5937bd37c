import { Alert, Button, DescriptionList, Flex, List, ListItem, Modal, ModalBody, ModalFooter, ModalHeader, Progress } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { FireState } from '~/pages/schedules/FireState';
import { type Fire, open, reasons } from '~/pages/schedules/words';
import { ActButton, Answered, at, CopyAs, duration } from '~/ui';
import { CancelFire } from './CancelFire';
import { attempt, origin } from './Fires';
import { Fact } from './Health';
import { useFire } from './queries';
import { steps } from './steps';

/** One fire whole, followed to its end: what became of it, why, and when each step was. */
export function FireDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useFire(id);
  const [cancelling, setCancelling] = useState(false);
  const fire = query.data;
  if (cancelling && fire) return <CancelFire fire={fire} onClose={() => setCancelling(false)} />;
  return (
    <Modal isOpen variant="medium" aria-labelledby="fire-title" onClose={onClose}>
      <ModalHeader labelId="fire-title" title={fire ? `Fire of ${fire.schedule}` : 'Fire'} description={fire && `${fire.manual && !fire.backfill ? 'By hand' : 'Due'} ${at(fire.due)}`} />
      <ModalBody tabIndex={0} aria-label="The fire" className="sb-parts">
        <Answered query={query} what="the fire">
          {(one) => (
            <>
              <Outcome fire={one} />
              <Facts fire={one} />
            </>
          )}
        </Answered>
      </ModalBody>
      <ModalFooter>
        {fire && open(fire) && (
          <ActButton needs="operator" service={fire.service} variant="danger" onClick={() => setCancelling(true)}>
            Cancel it…
          </ActButton>
        )}
        <Button variant="secondary" onClick={onClose}>
          Close
        </Button>
        {fire && (
          <CopyAs
            forms={[
              { name: 'link', text: () => `${location.origin}/studio/schedules/${fire.schedule}?fire=${encodeURIComponent(fire.id)}` },
              { name: 'JSON', text: () => JSON.stringify(fire, null, 2) },
            ]}
          />
        )}
      </ModalFooter>
    </Modal>
  );
}

function Outcome({ fire }: { fire: Fire }) {
  const why = fire.state !== 'done' && fire.reason ? reasons[fire.reason] : undefined;
  return (
    <>
      <div role="status">
        <FireState fire={fire} />
      </div>
      {fire.state === 'received' && fire.progress !== undefined && <Progress title={fire.note || 'How far it is'} value={Math.round(fire.progress * 100)} />}
      {why && (
        <Alert isInline variant={fire.state === 'failed' ? 'danger' : fire.state === 'waiting' ? 'info' : 'warning'} title={why.what}>
          {fire.cause_from && (
            <p>
              That was so from {at(fire.cause_from)} {fire.cause_to ? `to ${at(fire.cause_to)}` : 'on'}.
            </p>
          )}
          {why.next && <p>{why.next}</p>}
        </Alert>
      )}
      {fire.retry_at && open(fire) && <Alert isInline isPlain variant="info" title={`The next attempt comes ${at(fire.retry_at)}.`} />}
      {(fire.error || fire.result) && (
        <pre className="sb-payload" tabIndex={0} aria-label={fire.error ? 'Error' : 'Result'}>
          {fire.error || fire.result}
        </pre>
      )}
    </>
  );
}

function Facts({ fire }: { fire: Fire }) {
  const from = origin(fire);
  return (
    <DescriptionList isCompact isHorizontal horizontalTermWidthModifier={{ default: '8rem' }}>
      <Fact term="Steps">
        <List isPlain aria-label="Steps" className="sb-steps">
          {steps(fire).map(({ name, ts, after }) => (
            <ListItem key={name}>
              <span className="sb-row">
                <span>
                  {name} {at(ts)}
                </span>
                <span className="sb-subtle">{after}</span>
              </span>
            </ListItem>
          ))}
        </List>
      </Fact>
      {fire.duration_ms !== undefined && <Fact term="Handler took">{duration(fire.duration_ms)}</Fact>}
      {fire.attempt ? <Fact term="Attempt">{attempt(fire)}</Fact> : null}
      {fire.instance && <Fact term="Instance">{fire.instance}</Fact>}
      {from && (
        <Fact term="From">
          {from}
          {fire.backfill && (
            <>
              {' '}
              <Link to={'.' as never} search={{ backfill: fire.backfill } as never}>
                The whole backfill
              </Link>
            </>
          )}
        </Fact>
      )}
      {fire.epoch ? <Fact term="Planned by">the leader of term {fire.epoch}</Fact> : null}
      {fire.trace_id && (
        <Fact term="See">
          <Flex gap={{ default: 'gapMd' }}>
            <Link to={'/traces/$id' as never} params={{ id: fire.trace_id } as never}>
              Its trace
            </Link>
            <Link to={'/logs' as never} search={{ q: `trace:${fire.trace_id}`, since: fire.planned_at } as never}>
              Its lines in the log
            </Link>
          </Flex>
        </Fact>
      )}
    </DescriptionList>
  );
}
