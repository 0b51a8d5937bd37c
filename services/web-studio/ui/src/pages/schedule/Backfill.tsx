import { Alert, Button, Checkbox, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { type FormEvent, useId, useState } from 'react';
import type { Schedule } from '~/pages/schedules/words';
import { ActButton, count, ErrorSentence } from '~/ui';
import { type Range, useActs, usePlan } from './queries';
import { useSettled } from './useSettled';
import { instant, zoned } from './zone';

const day = 24 * 60 * 60 * 1000;

interface Props {
  schedule: Schedule;
  onClose: () => void;
  onStarted: (id: string) => void;
}

/** Fires the due times of a range of the past, after it has said how many these are. */
export function Backfill({ schedule, onClose, onStarted }: Props) {
  const id = useId();
  const zone = schedule.time_zone || 'UTC';
  const [from, setFrom] = useState(() => zoned(Date.now() - day, zone).slice(4, 20));
  const [to, setTo] = useState(() => zoned(Date.now(), zone).slice(4, 20));
  const [again, setAgain] = useState(false);
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const { backfill } = useActs(schedule.name);
  const range = parse(from, to, zone, again);
  const settled = useSettled(range);
  const plan = usePlan(schedule.name, settled);
  const fires = settled && !plan.isPlaceholderData && !plan.isError ? plan.data?.fires : undefined;
  const ready = range !== undefined && JSON.stringify(settled) === JSON.stringify(range) && fires !== undefined && fires > 0;

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      const done = await backfill(range);
      done.id ? onStarted(done.id) : onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  }

  return (
    <Modal isOpen variant="small" aria-labelledby={`${id}-title`} onClose={onClose}>
      <ModalHeader labelId={`${id}-title`} title={`Backfill ${schedule.name}`} description="Due times of the past are fired now, oldest first, with the payload of now." />
      <ModalBody tabIndex={0} aria-label="Backfill">
        <Form id={`${id}-form`} onSubmit={submit} noValidate>
          {error !== undefined && <ErrorSentence error={error} what="Nothing was fired" />}
          <Moment id={`${id}-from`} label="From" value={from} zone={zone} onChange={setFrom} />
          <Moment id={`${id}-to`} label="Until before" value={to} zone={zone} onChange={setTo} />
          <Checkbox id={`${id}-again`} label="Also what is done or under way" description="It runs a second time then." isChecked={again} onChange={(_, on) => setAgain(on)} />
          <div role="status" aria-busy={plan.isFetching}>
            {!range && <Alert isInline isPlain variant="info" title="Give a range to see how many due times lie in it." />}
            {range && plan.isError && <ErrorSentence error={plan.error} what="It cannot be backfilled so" />}
            {range && !plan.isError && plan.data && (
              <Alert isInline variant={plan.data.fires > 0 ? 'warning' : 'info'} title={fireCount(plan.data.fires)}>
                {plan.data.present > 0 && <p>{count(plan.data.present)} more lie in the range and are left out: they are done, under way, or still the planner’s to decide about.</p>}
                {plan.data.fires > 0 && <p>{pace(schedule)}</p>}
              </Alert>
            )}
          </div>
        </Form>
      </ModalBody>
      <ModalFooter>
        <ActButton needs="operator" service={schedule.service} type="submit" form={`${id}-form`} variant="danger" isLoading={busy} unless={ready ? undefined : 'There is nothing to fire in this range.'}>
          {ready ? `Fire ${count(fires)} due ${fires === 1 ? 'time' : 'times'}` : 'Fire them'}
        </ActButton>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}

const fireCount = (n: number) => (n === 0 ? 'Nothing would be fired.' : `${count(n)} due ${n === 1 ? 'time' : 'times'} will be fired.`);

/** How fast they go. */
function pace({ overlap, catch_up_per_second = 0 }: Schedule): string {
  const rate = `at most ${count(catch_up_per_second)} in a second`;
  return (overlap ?? 'allow') === 'allow' ? `They run beside each other, ${rate}. Each can be cancelled.` : `One after the other, ${rate}, as its overlap policy has it. Each can be cancelled.`;
}

function parse(from: string, to: string, zone: string, again: boolean): Range | undefined {
  const begin = instant(from, zone);
  const end = instant(to, zone);
  return begin && end ? { from: begin, to: end, again } : undefined;
}

function Moment({ id, label, value, zone, onChange }: { id: string; label: string; value: string; zone: string; onChange: (text: string) => void }) {
  const wrong = instant(value, zone) === undefined;
  return (
    <FormGroup label={label} fieldId={id} isRequired>
      <TextInput id={id} value={value} onChange={(_, text) => onChange(text)} validated={wrong ? 'error' : 'default'} aria-describedby={`${id}-help`} autoComplete="off" />
      <FormHelperText>
        <HelperText id={`${id}-help`} isLiveRegion={wrong}>
          <HelperTextItem variant={wrong ? 'error' : 'default'}>{wrong ? 'A time is written 2026-11-21 13:02.' : `by the clocks of ${zone}`}</HelperTextItem>
        </HelperText>
      </FormHelperText>
    </FormGroup>
  );
}
