import { Button, Label, List, ListItem } from '@patternfly/react-core';
import { useState } from 'react';
import { DropLease } from '~/pages/levels/DropLease';
import { Remaining } from '~/pages/levels/Remaining';
import { ActButton } from '~/ui';
import type { Flow, Lease } from './model';
import { ruleText } from './rule';

interface Props {
  flow: Flow;
  leases: Lease[];
  /** When they were asked for, by this browser's clock. */
  asked: number;
  onRule: (kind: 'policy' | 'fault') => void;
  onOpen: (id: string) => void;
}

/** What holds for the calls of a connection beside the defaults, and the changing of it. */
export function Rules({ flow, leases, asked, onRule, onOpen }: Props) {
  const [dropping, setDropping] = useState<Lease>();
  return (
    <>
      {leases.length === 0 ? (
        <p className="sb-subtle">The defaults hold: 10 s, retries of what may be repeated within a budget, a circuit breaker. No fault is injected.</p>
      ) : (
        <List isPlain isBordered>
          {leases.map((lease) => (
            <ListItem key={lease.id}>
              <div className="sb-rule">
                <span>
                  <Label isCompact {...(lease.kind === 'fault' ? { status: 'warning' as const } : { color: 'blue' as const })}>
                    {lease.kind}
                  </Label>{' '}
                  <Button variant="link" isInline onClick={() => onOpen(lease.id)}>
                    {ruleText(lease) || 'show it'}
                  </Button>
                </span>
                <span className="sb-subtle">
                  <Remaining ms={lease.remaining_ms} asked={asked} keep={lease.keep} />, {lease.owner}: {lease.reason}
                  {!lease.service && '. It is for the calls of every service.'}
                </span>
                <span>
                  <ActButton needs="operator" service={lease.service} all variant="secondary" size="sm" onClick={() => setDropping(lease)} aria-label={`End the ${lease.kind}: ${ruleText(lease)}`}>
                    End…
                  </ActButton>
                </span>
              </div>
            </ListItem>
          ))}
        </List>
      )}
      <div className="sb-panel-acts">
        <ActButton needs="operator" service={flow.source} variant="secondary" size="sm" onClick={() => onRule('policy')}>
          Set a policy…
        </ActButton>
        <ActButton needs="operator" service={flow.source} variant="secondary" size="sm" onClick={() => onRule('fault')}>
          Inject a fault…
        </ActButton>
      </div>
      {dropping && <DropLease leases={[dropping]} onClose={() => setDropping(undefined)} onDone={() => onOpen(dropping.id)} />}
    </>
  );
}
