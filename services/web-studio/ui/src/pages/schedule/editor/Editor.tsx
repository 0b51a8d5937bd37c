import { Alert, AlertActionLink, Button, ExpandableSection, Form, Grid, GridItem, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { ApiError } from '~/api/problem';
import type { Schedule } from '~/pages/schedules/words';
import { useMay } from '~/session/hooks';
import { ActButton, ErrorSentence } from '~/ui';
import { Note } from '../Note';
import { fieldNames } from '../policies';
import { useActs, useNext } from '../queries';
import { useSettled } from '../useSettled';
import { type Draft, differs, draftFields, fresh, toDraft, toSpec, type Wrong } from './draft';
import { Field } from './Field';
import { Carries, Policies } from './Policies';
import { Preview } from './Preview';
import { shown, useDryRun, useTimes } from './queries';
import { Bounds, Timing } from './Timing';

interface Props {
  /** The schedule as it is now; it may change while the form is open. undefined: one is made. */
  schedule?: Schedule;
  onSaved: (name: string) => void;
  onClose: () => void;
}

/** The form of a schedule beside what it means: the next times are asked for while it changes. */
export function Editor({ schedule, onSaved, onClose }: Props) {
  const [began, setBegan] = useState(schedule);
  // Begun anew with what is there now: nothing of the form stays.
  return <Opened key={began?.revision ?? 0} began={began} now={schedule} onSaved={onSaved} onClose={onClose} onAnew={() => setBegan(schedule)} />;
}

function Opened({ began, now, onSaved, onClose, onAnew }: { began?: Schedule; now?: Schedule; onAnew: () => void } & Omit<Props, 'schedule'>) {
  const id = useId();
  const base = began ?? fresh;
  const [name, setName] = useState(began?.name ?? '');
  const [draft, setDraft] = useState(() => toDraft(base));
  const [note, setNote] = useState('');
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [refused, setRefused] = useState('');
  const { may } = useMay('operator', began?.service);
  const { save } = useActs(name.trim());
  const change = (next: Partial<Draft>) => setDraft((d) => ({ ...d, ...next }));

  const { spec, wrong: local } = toSpec(draft, base);
  const incomplete = Object.keys(local).length > 0;
  const asked = useSettled({ name: name.trim(), spec: incomplete ? undefined : spec });
  const times = useTimes(nameable(asked.name) ? asked.name : '', asked.spec);
  const named = /^[a-z0-9-]+(\.[a-z0-9_-]+)+$/.test(name.trim());
  // A pause counts up the revision, too. Where the spec is as it was, nothing of anybody's is overwritten.
  const changed = began && now ? differs(began, now, Object.keys(fieldNames)) : [];
  const revision = changed.length === 0 ? (now?.revision ?? began?.revision ?? 0) : (began?.revision ?? 0);
  const dry = useDryRun(asked.name, may && named && !busy ? asked.spec : undefined, revision); // what is saved is not asked about: it would stand against itself
  const wrong: Wrong = { ...api(times.error), ...api(dry.error), ...api(error), ...(tried ? local : typed(local)), ...(tried && !named ? { name: 'A name is written catalogs.stocktake: the service, a dot, and what it is for.' } : {}) };
  const old = useBefore(began);
  const attempt = `${name.trim()} ${revision}`;
  const conflict = changed.length > 0 || refused === attempt || (isConflict(dry.error) && !dry.isFetching);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (busy || !may || incomplete || !named || conflict) return;
    setBusy(true);
    setError(undefined);
    try {
      await save(spec, revision, note.trim());
      onSaved(name.trim());
    } catch (thrown) {
      if (isConflict(thrown)) setRefused(attempt);
      else setError(thrown);
      setBusy(false);
    }
  }

  const form = { draft, change, wrong };
  return (
    <Modal isOpen variant="large" aria-labelledby={`${id}-title`} onClose={onClose}>
      <ModalHeader labelId={`${id}-title`} title={began ? `Edit ${began.name}` : 'Make a schedule'} description={began?.origin === 'declared' ? 'What its service declares stays beside the edit, and comes back when that is dropped.' : undefined} />
      <ModalBody tabIndex={0} aria-label="The schedule">
        <Grid hasGutter>
          <GridItem span={12} lg={7}>
            <Form id={`${id}-form`} onSubmit={submit} noValidate>
              {conflict && <Conflict began={began} now={now} fields={changed} onAnew={onAnew} />}
              {error !== undefined && <ErrorSentence error={error} what="Nothing was saved" />}
              {!began && (
                <Field id={`${id}-name`} label="Name" required wrong={wrong.name} help="the service that handles it, a dot, and what it is for">
                  <TextInput id={`${id}-name`} value={name} onChange={(_, text) => setName(text)} placeholder="catalogs.stocktake" validated={wrong.name ? 'error' : 'default'} aria-describedby={`${id}-name-help`} autoComplete="off" />
                </Field>
              )}
              <Timing {...form} />
              <More title="Bounds, what is left out, spread" wrong={wrong} of={['start', 'end', 'except', 'jitter']} open={Boolean(base.start || base.end || base.except?.length || base.jitter_seconds)}>
                <Bounds {...form} />
              </More>
              <More title="When things do not go as planned" wrong={wrong} of={['misfire', 'window', 'catchUp', 'overlap', 'inWindow', 'deadline', 'attempts', 'backoff', 'doneWhen']}>
                <Policies {...form} />
              </More>
              <More title="Where it goes, and with what" wrong={wrong} of={['target', 'url', 'payload']} open={base.payload !== undefined}>
                <Carries {...form} />
              </More>
              <Note value={note} onChange={setNote} />
            </Form>
          </GridItem>
          <GridItem span={12} lg={5}>
            <Preview times={times} before={old} warnings={dry.isError ? [] : (dry.data?.warnings ?? [])} incomplete={incomplete} busy={times.isFetching || dry.isFetching || JSON.stringify(asked.spec) !== JSON.stringify(incomplete ? undefined : spec)} />
          </GridItem>
        </Grid>
      </ModalBody>
      <ModalFooter>
        <ActButton needs="operator" service={began?.service} type="submit" form={`${id}-form`} isLoading={busy} unless={conflict ? 'Begin anew with what is there now: it was changed meanwhile.' : undefined}>
          {began ? 'Save the edit' : 'Make it'}
        </ActButton>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}

/** Somebody was faster: what that was, and the way on. */
function Conflict({ began, now, fields, onAnew }: { began?: Schedule; now?: Schedule; fields: string[]; onAnew: () => void }) {
  if (!began) return <Alert isInline variant="danger" title="There is a schedule of this name already. Choose another name, or edit that one." />;
  const who = now?.edited_by && now.edited_at !== began.edited_at ? now.edited_by : 'Somebody';
  return (
    <Alert isInline variant="danger" title={`${who} has changed this schedule since you began. Nothing of yours was saved.`} actionLinks={<AlertActionLink onClick={onAnew}>Begin anew with what is there now</AlertActionLink>}>
      {fields.length > 0 && <p>Changed: {fields.map((f) => fieldNames[f] ?? f).join(', ')}.</p>}
    </Alert>
  );
}

/** A part of the form that is open when it holds something, or something in it is wrong. */
function More({ title, wrong, of, open = false, children }: { title: string; wrong: Wrong; of: (keyof Draft)[]; open?: boolean; children: ReactNode }) {
  const [shown, setShown] = useState(open);
  return (
    <ExpandableSection toggleText={title} isExpanded={shown || of.some((field) => wrong[field])} onToggle={(_, now) => setShown(now)} isIndented>
      <div className="sb-more-fields">{children}</div>
    </ExpandableSection>
  );
}

/** The next times as they are now. */
function useBefore(began?: Schedule): string[] | undefined {
  const next = useNext(began ?? none, shown, began !== undefined);
  return began && next.data ? (next.data.items ?? []) : undefined;
}

const none = { name: '', revision: 0 } as Schedule;

const nameable = (text: string) => /^[a-z0-9._-]*$/.test(text);
const isConflict = (error: unknown) => error instanceof ApiError && (error.status === 409 || error.status === 412);

/** What the API found wrong, by the fields of the form. */
function api(error: unknown): Wrong {
  if (!(error instanceof ApiError)) return {};
  return Object.fromEntries(error.fields.flatMap((f) => (draftFields[f.name] ? [[draftFields[f.name], f.detail]] : [])));
}

/** While it is filled in, what is not there yet is not wrong yet. */
function typed(wrong: Wrong): Wrong {
  return Object.fromEntries(Object.entries(wrong).filter(([, text]) => !text.startsWith('Say ')));
}
