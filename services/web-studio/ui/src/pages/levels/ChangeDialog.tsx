import { Alert, Button, Form, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { type FormEvent, useId, useState } from 'react';
import { useMay, useMe } from '~/session/hooks';
import { holdsForAll } from '~/session/roles';
import { ActButton, ConfirmAct, CopyAs, ErrorSentence } from '~/ui';
import { Conditions, Hold, Level, Message, Profile, Reason, Target } from './Fields';
import { begin, check, type Draft, type Form as Kind, toRequest } from './draft';
import { Preview } from './Preview';
import { type Receipt as Told, useActs, useLevels } from './queries';
import { type Answer, Receipt } from './Receipt';
import type { Level as OneLevel } from './tree';
import { command, type Lease, targetText } from './words';

const titles: Record<Kind, [title: string, lead: string, verb: string]> = {
  level: ['Change a level', 'The level of a logger and of all below it, for a time. It goes back by itself, also when everything else is down.', 'Change the level'],
  debug: ['Debug some requests', 'Only requests that fulfil all conditions log at the level, in every service that they touch. All others stay as they are.', 'Debug them'],
  window: ['Open a maintenance window', 'Health says “out of service”, so that nothing new is routed there. Liveness is untouched, so nothing is restarted.', 'Open the window'],
  profile: ['Capture a profile', 'Each instance that is meant captures it, and brings the file here.', 'Capture it'],
};

interface Props {
  kind: Kind;
  /** What the address says of it. */
  given: Partial<Record<keyof Draft, string>>;
  onDone: (id: string) => void;
  onClose: () => void;
}

/** The form of a change: whom it is for, for how long, why, and what it costs before it is made. */
export function ChangeDialog({ kind, given, onDone, onClose }: Props) {
  const id = useId();
  const [draft, setDraft] = useState(() => begin(kind, given));
  const [tried, setTried] = useState(false);
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { set } = useActs();
  const levels = useLevels().data ?? [];
  const why = useWhyNot(draft.service);
  const wrong = check(draft);
  const request = toRequest(draft);
  const change = (next: Partial<Draft>) => setDraft((before) => ({ ...before, ...next }));
  const fields = { draft, change, wrong: tried ? wrong : {} };
  const meant = live(levels, draft);

  const done = (told: Told) => onDone(told.lease.id);
  const confirm = consequence(draft, meant.length);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (busy || why || Object.keys(wrong).length > 0) return;
    if (confirm) return setAsking(true);
    setBusy(true);
    setError(undefined);
    try {
      done(await set(request));
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  const [title, lead, verb] = titles[kind];
  if (asking && confirm) {
    return (
      <ConfirmAct title={confirm.title} verb={verb} act={async () => done(await set(request))} onClose={() => setAsking(false)}>
        {confirm.does.map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </ConfirmAct>
    );
  }
  return (
    <Modal isOpen variant="medium" aria-labelledby={`${id}-title`} onClose={onClose}>
      <ModalHeader labelId={`${id}-title`} title={title} description={lead} />
      <ModalBody tabIndex={0} aria-label={title}>
        {busy ? (
          <Receipt answers={meant} what={kind === 'level' ? `at ${draft.level}` : 'with the lease'} />
        ) : (
          <Form id={`${id}-form`} onSubmit={submit} noValidate>
            {error !== undefined && <ErrorSentence error={error} what="Nothing was changed" />}
            {why && <Alert isInline variant="info" title={why} />}
            {kind === 'debug' && <Conditions {...fields} />}
            {kind === 'profile' && <Profile {...fields} />}
            <Target {...fields} levels={levels} />
            {(kind === 'level' || kind === 'debug') && <Level {...fields} />}
            {kind === 'window' && <Message {...fields} />}
            <Hold {...fields} />
            <Reason {...fields} />
            {kind === 'level' && !why && <Preview request={request} ttl={draft.keep ? undefined : draft.ttl} />}
          </Form>
        )}
      </ModalBody>
      <ModalFooter>
        <ActButton needs="operator" service={draft.service || undefined} unless={why} type="submit" form={`${id}-form`} variant={kind === 'window' ? 'danger' : 'primary'} isLoading={busy}>
          {confirm ? `${verb}…` : verb}
        </ActButton>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
        <CopyAs forms={[{ name: 'CLI command', text: () => command({ ...(request as Lease), keep: request.keep ?? false }, request.ttl) ?? '' }]} />
      </ModalFooter>
    </Modal>
  );
}

/** Why the user may not change what is chosen; what is for all services needs the role for all. */
function useWhyNot(service: string): string | undefined {
  const me = useMe();
  const { reason } = useMay('operator', service || undefined);
  if (reason || service || !me) return reason;
  return holdsForAll(me, 'operator') ? undefined : 'A change for all services needs the role operator for all of them. Choose a service that you operate.';
}

/** The instances that are meant, as far as they are known: they are asked. */
function live(levels: OneLevel[], { service, instance }: Draft): Answer[] {
  const found = new Map<string, Answer>();
  for (const l of levels) {
    if ((!service || l.service === service) && (!instance || l.instance === instance)) found.set(`${l.service}/${l.instance}`, { service: l.service, instance: l.instance, state: 'asked' });
  }
  return [...found.values()];
}

/** What is to be confirmed, with what it will do; undefined: it harms nobody. */
function consequence(d: Draft, instances: number): { title: string; does: string[] } | undefined {
  const whom = `${instances} ${instances === 1 ? 'instance' : 'instances'}`;
  const time = d.keep ? 'until somebody ends it' : `for ${d.ttl}`;
  if (d.kind === 'window') {
    return {
      title: `Take ${targetText(d)} out of service?`,
      does: [
        `${whom} will say “out of service” ${time}. Requests that are under way are answered to their end.`,
        d.instance ? 'Other instances of the service take its requests; when there is none, callers get 503 with the message and Retry-After.' : 'While all of its instances are out, callers get 503 with the message and Retry-After.',
        'It ends by itself, and can be ended before.',
      ],
    };
  }
  if (d.kind === 'level' && !d.service && !d.logger) {
    return { title: `Set every logger of every service to ${d.level}?`, does: [`${whom} of all services will log at ${d.level} ${time}. What the lines below it would have said is not kept.`, 'Leases on a service or a logger stay, and are stronger.'] };
  }
  return undefined;
}
