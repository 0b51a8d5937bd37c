import { Alert, Button, Checkbox, Form, FormGroup, FormHelperText, FormSelect, FormSelectOption, Grid, GridItem, HelperText, HelperTextItem, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { useActs } from '~/pages/levels/queries';
import { useMay } from '~/session/hooks';
import { ActButton, ConfirmAct, CopyAs, ErrorSentence } from '~/ui';
import { begin, check, command, consequence, type Draft, type Kind, toRequest, type Wrong } from './rule';

interface Props {
  kind: Kind;
  source: string;
  destination: string;
  /** With the id of the lease. */
  onDone: (id: string) => void;
  onClose: () => void;
}

const titles = {
  policy: ['Set a policy', 'What is left empty is as by default. It holds on every instance of the caller within milliseconds, and ends by itself.', 'Set the policy'],
  fault: ['Inject a fault', 'Calls fail or wait where they are made. Each is counted, and marked on its span.', 'Inject the fault'],
} as const;

/** The form of a policy or a fault of the calls from one service to another. */
export function RuleDialog({ kind, source, destination, onDone, onClose }: Props) {
  const id = useId();
  const [draft, setDraft] = useState(() => begin(kind));
  const [tried, setTried] = useState(false);
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const { set } = useActs();
  const { reason: why } = useMay('operator', source);
  const wrong = check(kind, draft);
  const request = toRequest(kind, draft, source, destination);
  const form = { draft, change: (next: Partial<Draft>) => setDraft((before) => ({ ...before, ...next })), wrong: tried ? wrong : {} };
  const act = async () => onDone((await set(request)).lease.id);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (busy || why || Object.keys(wrong).length > 0) return;
    if (kind === 'fault') return setAsking(true);
    setBusy(true);
    setError(undefined);
    try {
      await act();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  const [title, lead, verb] = titles[kind];
  if (asking) {
    return (
      <ConfirmAct title={`Inject a fault into calls from ${source} to ${destination}?`} verb={verb} act={act} onClose={() => setAsking(false)}>
        {consequence(draft, source, destination).map((sentence) => (
          <p key={sentence}>{sentence}</p>
        ))}
      </ConfirmAct>
    );
  }
  return (
    <Modal isOpen variant="medium" aria-labelledby={`${id}-title`} onClose={onClose}>
      <ModalHeader labelId={`${id}-title`} title={`${title}: ${source} → ${destination}`} description={lead} />
      <ModalBody tabIndex={0} aria-label={title}>
        <Form id={`${id}-form`} onSubmit={(event) => void submit(event)} noValidate>
          {error !== undefined && <ErrorSentence error={error} what="Nothing was changed" />}
          {why && <Alert isInline variant="info" title={why} />}
          <Grid hasGutter md={6}>
            {kind === 'policy' ? <Policy {...form} /> : <Fault {...form} />}
            <Text {...form} of="ttl" label="Time to live" help="Up to 24h, as 90s, 15m or 2h." />
          </Grid>
          <Text {...form} of="reason" label="Reason" help="Why. It stands in the audit." required />
        </Form>
      </ModalBody>
      <ModalFooter>
        <ActButton needs="operator" service={source} type="submit" form={`${id}-form`} variant={kind === 'fault' ? 'danger' : 'primary'} isLoading={busy}>
          {kind === 'fault' ? `${verb}…` : verb}
        </ActButton>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
        <CopyAs forms={[{ name: 'CLI command', text: () => command(request) }]} />
      </ModalFooter>
    </Modal>
  );
}

interface Fields {
  draft: Draft;
  change: (next: Partial<Draft>) => void;
  wrong: Wrong;
}

function Policy(form: Fields) {
  const off = form.draft.off;
  return (
    <>
      <Text {...form} of="timeout" label="Timeout" help="Bounds every call that is no stream, as 2s." placeholder="10s" />
      <Text {...form} of="retries" label="Retries of a call" help="0 to 5." placeholder="1" isDisabled={off} />
      <Text {...form} of="budget" label="Retry budget, percent" help="Retries by share of calls." placeholder="6" isDisabled={off} />
      <Text {...form} of="failures" label="Breaker opens at, percent" help="Share of calls within ten seconds." placeholder="50" isDisabled={off} />
      <Text {...form} of="calls" label="Breaker wants calls" help="Fewer within ten seconds say nothing." placeholder="20" isDisabled={off} />
      <Text {...form} of="open" label="Breaker stays open for" placeholder="5s" isDisabled={off} />
      <GridItem span={12}>
        <Checkbox id="rule-off" label="No retries and no circuit breaker" isChecked={off} onChange={(_, on) => form.change({ off: on })} />
      </GridItem>
    </>
  );
}

const codes = ['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'ABORTED', 'UNKNOWN'];

function Fault(form: Fields) {
  const { draft } = form;
  const answers = draft.does === 'status';
  return (
    <>
      <Text {...form} of="share" label="Share of the calls, percent" />
      <Choice {...form} of="protocol" label="Protocol" options={[['', 'HTTP and gRPC'], ['http', 'HTTP'], ['grpc', 'gRPC']]} />
      <Choice {...form} of="does" label="What happens" options={[['status', 'They fail with an answer'], ['abort', 'They break off'], ['delay', 'They wait, and go out late']]} />
      <Text {...form} of="delay" label="Delay" help="Before the call, or before the error, as 300ms." placeholder={draft.does === 'delay' ? '300ms' : 'none'} />
      {answers && draft.protocol !== 'grpc' && <Text {...form} of="status" label="Status of HTTP" help="400 to 599." />}
      {answers && draft.protocol !== 'http' && <Choice {...form} of="code" label="Code of gRPC" options={codes.map((code) => [code, code])} />}
    </>
  );
}

type TextField = Exclude<keyof Draft, 'off'>;

function Text({ of, label, help, required, placeholder, isDisabled, draft, change, wrong }: Fields & { of: TextField; label: string; help?: string; required?: boolean; placeholder?: string; isDisabled?: boolean }) {
  const id = useId();
  const said = wrong[of] ?? help;
  return (
    <Cell>
      <FormGroup label={label} fieldId={id} isRequired={required}>
        <TextInput
          id={id}
          value={draft[of]}
          onChange={(_, value) => change({ [of]: value })}
          validated={wrong[of] ? 'error' : 'default'}
          placeholder={placeholder}
          isDisabled={isDisabled}
          isRequired={required}
          aria-describedby={said ? `${id}-help` : undefined}
          autoComplete="off"
          spellCheck={false}
        />
        {said && (
          <FormHelperText>
            <HelperText id={`${id}-help`} isLiveRegion={Boolean(wrong[of])}>
              <HelperTextItem variant={wrong[of] ? 'error' : 'default'}>{said}</HelperTextItem>
            </HelperText>
          </FormHelperText>
        )}
      </FormGroup>
    </Cell>
  );
}

function Choice({ of, label, options, draft, change }: Fields & { of: TextField; label: string; options: [value: string, label: string][] }) {
  const id = useId();
  return (
    <Cell>
      <FormGroup label={label} fieldId={id}>
        <FormSelect id={id} value={draft[of]} onChange={(_, value) => change({ [of]: value })}>
          {options.map(([value, name]) => (
            <FormSelectOption key={value} value={value} label={name} />
          ))}
        </FormSelect>
      </FormGroup>
    </Cell>
  );
}

const Cell = ({ children }: { children: ReactNode }) => <GridItem>{children}</GridItem>;
