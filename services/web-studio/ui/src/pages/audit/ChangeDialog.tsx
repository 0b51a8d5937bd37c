import { Button, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Receipt } from '~/pages/levels/Receipt';
import { budgetText } from '~/pages/levels/words';
import { Answered, at, CopyAs } from '~/ui';
import { useChange } from './queries';
import { actionText, type Change, changeText, detail, forWhom, traceOf, who } from './words';

/** One change whole: what held before and after, why, and what each instance made of it. */
export function ChangeDialog({ id, onClose }: { id: number; onClose: () => void }) {
  const query = useChange(id);
  const change = query.data;
  return (
    <Modal isOpen variant="medium" aria-labelledby="change-title" onClose={onClose}>
      <ModalHeader labelId="change-title" title={change ? `Change ${id}: ${actionText(change)}` : `Change ${id}`} description={change && detail(change, 'reason')} />
      <ModalBody className="sb-change" tabIndex={0} aria-label="The change">
        <Answered query={query} what="the change">
          {(one) => (
            <>
              <Facts change={one} />
              {(one.results ?? []).length > 0 ? (
                <Receipt answers={one.results ?? []} what={one.action === 'lease.set' ? 'with the lease' : 'without the lease'} end={one.action !== 'lease.set'} />
              ) : (
                <p>No instance was asked, so there is no receipt.</p>
              )}
            </>
          )}
        </Answered>
      </ModalBody>
      <ModalFooter>
        <Button variant="secondary" onClick={onClose}>
          Close
        </Button>
        {change && (
          <CopyAs
            forms={[
              { name: 'link', text: () => `${location.origin}/studio/audit?change=${id}` },
              { name: 'JSON', text: () => JSON.stringify(change, null, 2) },
            ]}
          />
        )}
      </ModalFooter>
    </Modal>
  );
}

function Facts({ change }: { change: Change }) {
  const parts = (change.detail ?? {}) as { lines?: number; bytes?: number; expires_at?: string; keep?: boolean };
  const budget = budgetText(parts);
  const trace = traceOf(change);
  return (
    <DescriptionList isCompact isHorizontal isFluid>
      <Fact term="When">{at(change.at)}</Fact>
      <Fact term="Who">
        {who(change)}
        {change.actor && change.actor !== change.name && <span className="sb-subject"> {change.actor}</span>}
      </Fact>
      <Fact term="For">{forWhom(change)}</Fact>
      {changeText(change) && <Fact term="Change">{changeText(change)}</Fact>}
      {parts.keep ? <Fact term="Until">it is dropped</Fact> : parts.expires_at && <Fact term="Until">{at(parts.expires_at)}</Fact>}
      {budget && <Fact term="Budget">at most {budget}</Fact>}
      {trace && (
        <Fact term="Trace">
          <Link to={'/traces/$id' as never} params={{ id: trace } as never}>
            {trace}
          </Link>
        </Fact>
      )}
      <Fact term="Of">
        {change.action.startsWith('lease.') ? (
          <Link to={'/levels' as never} search={{ lease: change.subject } as never}>
            The lease {change.subject}
          </Link>
        ) : (
          <code>{change.subject}</code>
        )}
      </Fact>
    </DescriptionList>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  );
}
