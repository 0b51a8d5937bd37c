import { Alert, Button, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Flex, Label, List, ListItem, Modal, ModalBody, ModalFooter, ModalHeader, Title } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { ActButton, Answered, at, CopyAs } from '~/ui';
import { DropLease } from './DropLease';
import { LeaseProfiles } from './Profiles';
import { type Receipt as Told, useLease, useReceipt } from './queries';
import { Receipt } from './Receipt';
import { Remaining } from './Remaining';
import { budgetText, command, kindNames, type Lease, targetText, whatText } from './words';

/** One lease: what it does, for how long, what each instance made of it, and what became of it. */
export function LeaseDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useLease(id);
  const told = useReceipt(id);
  const [dropping, setDropping] = useState(false);
  const lease = query.data?.lease;
  if (dropping && lease) return <DropLease leases={[lease]} onClose={() => setDropping(false)} />;
  return (
    <Modal isOpen variant="medium" aria-labelledby="lease-title" onClose={onClose}>
      <ModalHeader labelId="lease-title" title={lease ? `${kindNames[lease.kind]}: ${targetText(lease)}` : 'Lease'} description={lease?.reason} />
      <ModalBody className="sb-lease" tabIndex={0} aria-label="The lease">
        <Answered query={query} what="the lease">
          {({ lease, results, ends, events }) => (
            <>
              <Facts lease={lease} asked={query.dataUpdatedAt} />
              <Warnings told={told} />
              <Receipt answers={results ?? []} what={lease.kind === 'level' ? `at ${whatText(lease)}` : 'with the lease'} />
              {lease.kind === 'profile' && <LeaseProfiles lease={lease} />}
              {(ends ?? []).length > 0 && (
                <Part title="Its end">
                  <Receipt end answers={ends ?? []} what="without the lease" />
                </Part>
              )}
              {(events ?? []).length > 0 && (
                <Part title="What instances have told">
                  <List isPlain>
                    {(events ?? []).map((e) => (
                      <ListItem key={`${e.at}${e.instance}${e.what}`}>
                        {at(e.at)} <code>{e.instance}</code> {e.what}
                        {e.detail && `: ${e.detail}`}
                      </ListItem>
                    ))}
                  </List>
                </Part>
              )}
            </>
          )}
        </Answered>
      </ModalBody>
      <ModalFooter>
        {lease?.state === 'active' && (
          <ActButton needs="operator" service={lease.service} all variant="danger" onClick={() => setDropping(true)}>
            End it now…
          </ActButton>
        )}
        <Button variant="secondary" onClick={onClose}>
          Close
        </Button>
        {lease && <CopyAs forms={copies(lease)} />}
      </ModalFooter>
    </Modal>
  );
}

const copies = (lease: Lease) => {
  const line = command(lease);
  return [
    { name: 'link', text: () => `${location.origin}/studio/levels?lease=${lease.id}` },
    { name: 'CLI command to show it', text: () => `signalbox lease show ${lease.id}` },
    ...(line ? [{ name: 'CLI command to do it again', text: () => line }] : []),
    { name: 'JSON', text: () => JSON.stringify(lease, null, 2) },
  ];
};

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title}>
      <Title headingLevel="h2" size="md" className="sb-part">
        {title}
      </Title>
      {children}
    </section>
  );
}

/** What the mesh said when it was made on this page. */
function Warnings({ told }: { told?: Told }) {
  return (told?.warnings ?? []).map((w) => <Alert key={w} isInline variant="warning" title={`${w.charAt(0).toUpperCase()}${w.slice(1)}.`} />);
}

function Facts({ lease, asked }: { lease: Lease; asked: number }) {
  const budget = budgetText(lease.budget);
  return (
    <DescriptionList isCompact isHorizontal isFluid>
      <Fact term="Does">{whatText(lease)}</Fact>
      <Fact term="State">
        <Flex gap={{ default: 'gapSm' }} role="status">
          <LeaseState lease={lease} />
          {lease.state === 'active' && <Remaining ms={lease.remaining_ms} asked={asked} keep={lease.keep} />}
          {lease.ended_at && <span>{at(lease.ended_at)}</span>}
          {lease.dropped_by && <span>by {lease.dropped_by}</span>}
        </Flex>
      </Fact>
      {budget && <Fact term="Budget">{budget}</Fact>}
      <Fact term="Since">
        {at(lease.created_at)}, by {lease.owner}
      </Fact>
      <Fact term="See">
        <Flex gap={{ default: 'gapMd' }}>
          <Link to={'/logs' as never} search={{ q: lines(lease), since: lease.created_at } as never}>
            Its lines in the log
          </Link>
          <Link to={'/audit' as never} search={{ subject: lease.id, since: lease.created_at } as never}>
            Its rows in the audit
          </Link>
        </Flex>
      </Fact>
    </DescriptionList>
  );
}

/** Lines that a targeted debug let through carry its id; those of a level are of its service and logger. */
function lines(lease: Lease): string {
  if (lease.kind === 'debug') return `lease_id:${lease.id}`;
  const debug = lease.kind === 'level' && String(lease.value).startsWith('DEBUG');
  return [lease.service && `service:${lease.service}`, lease.instance && `instance:${lease.instance}`, lease.logger && `logger:${lease.logger}*`, debug && 'level<=debug'].filter(Boolean).join(' ');
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  );
}

const states = { active: { status: 'info' }, expired: { color: 'grey' }, dropped: { color: 'grey' } } as const;

/** active, expired or dropped. */
export function LeaseState({ lease }: { lease: Lease }) {
  return (
    <Label isCompact variant="outline" {...states[lease.state]}>
      {lease.state}
    </Label>
  );
}
