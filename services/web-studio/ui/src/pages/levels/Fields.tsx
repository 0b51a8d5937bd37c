import { Checkbox, FormGroup, FormHelperText, FormSelect, FormSelectOption, Grid, GridItem, HelperText, HelperTextItem, TextInput, type TextInputProps } from '@patternfly/react-core';
import { type ReactNode, useId } from 'react';
import { useMay, useMe } from '~/session/hooks';
import { holds, holdsForAll } from '~/session/roles';
import { type Draft, timed, usesTtl, type Wrong } from './draft';
import type { Level as OneLevel } from './tree';

interface Props {
  draft: Draft;
  change: (next: Partial<Draft>) => void;
  wrong: Wrong;
}

type TextField = { [K in keyof Draft]: Draft[K] extends string ? K : never }[Exclude<keyof Draft, 'kind'>];

/** A field with its label, and below it what is wrong, or what it is for. */
function Field({ name, label, help, wrong, required, children }: { name: string; label: string; help?: ReactNode; wrong?: string; required?: boolean; children: ReactNode }) {
  return (
    <FormGroup label={label} fieldId={name} isRequired={required}>
      {children}
      {(wrong || help) && (
        <FormHelperText>
          <HelperText id={`${name}-help`} isLiveRegion={Boolean(wrong)}>
            <HelperTextItem variant={wrong ? 'error' : 'default'}>{wrong ?? help}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
}

function Text({ of, label, help, required, draft, change, wrong, ...input }: Props & { of: TextField; label: string; help?: string; required?: boolean } & Omit<TextInputProps, 'ref' | 'onChange' | 'value'>) {
  const id = useId();
  return (
    <Field name={id} label={label} help={help} wrong={wrong[of]} required={required}>
      <TextInput
        {...input}
        id={id}
        value={draft[of]}
        onChange={(_, value) => change({ [of]: value })}
        validated={wrong[of] ? 'error' : 'default'}
        isRequired={required}
        aria-describedby={help || wrong[of] ? `${id}-help` : undefined}
        autoComplete="off"
        spellCheck={false}
      />
    </Field>
  );
}

/** For whom: a service, an instance of it, and of a level the logger. */
export function Target({ levels, ...props }: Props & { levels: OneLevel[] }) {
  const { draft, change, wrong } = props;
  const id = useId();
  const me = useMe();
  const services = distinct(levels.map((l) => l.service), draft.service);
  const instances = distinct(levels.filter((l) => l.service === draft.service).map((l) => l.instance), draft.instance);
  const loggers = distinct(levels.filter((l) => l.logger && (!draft.service || l.service === draft.service)).map((l) => l.logger), '');
  const one = draft.kind === 'window' || draft.kind === 'profile';
  return (
    <Grid hasGutter md={6}>
      <GridItem>
        <Field name={`${id}-service`} label="Service" wrong={wrong.service} required={one}>
          <FormSelect id={`${id}-service`} value={draft.service} onChange={(_, service) => change({ service, instance: '', logger: '' })} validated={wrong.service ? 'error' : 'default'}>
            <FormSelectOption value="" label={one ? 'Choose one' : holdsForAll(me, 'operator') ? 'All services' : 'All services (not yours to change)'} isDisabled={!one && !holdsForAll(me, 'operator') && draft.service !== ''} />
            {services.map((name) => {
              const may = holds(me, 'operator', name);
              return <FormSelectOption key={name} value={name} label={may ? name : `${name} (not yours to change)`} isDisabled={!may} />;
            })}
          </FormSelect>
        </Field>
      </GridItem>
      <GridItem>
        <Field name={`${id}-instance`} label="Instance">
          <FormSelect id={`${id}-instance`} value={draft.instance} onChange={(_, instance) => change({ instance })} isDisabled={!draft.service}>
            <FormSelectOption value="" label="All of them" />
            {instances.map((name) => (
              <FormSelectOption key={name} value={name} label={name} />
            ))}
          </FormSelect>
        </Field>
      </GridItem>
      {draft.kind === 'level' && (
        <GridItem span={12}>
          <Text {...props} of="logger" label="Logger" help="It and all below it. Empty: every logger." placeholder="every logger" list={`${id}-loggers`} />
          <datalist id={`${id}-loggers`}>
            {loggers.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </GridItem>
      )}
    </Grid>
  );
}

const distinct = (names: string[], chosen: string) => [...new Set(chosen ? [...names, chosen] : names)].sort();

const levelNames = ['DEBUG-4', 'DEBUG', 'INFO', 'WARN', 'ERROR'];

/** The level, and what it may add at most. */
export function Level(props: Props) {
  const id = useId();
  const { draft, change } = props;
  return (
    <Grid hasGutter md={6}>
      <GridItem>
        <Field name={id} label="Level">
          <FormSelect id={id} value={draft.level} onChange={(_, level) => change({ level })}>
            {(levelNames.includes(draft.level) ? levelNames : [draft.level, ...levelNames]).map((name) => (
              <FormSelectOption key={name} value={name} label={name === 'DEBUG-4' ? 'DEBUG-4 (below DEBUG, too)' : name} />
            ))}
          </FormSelect>
        </Field>
      </GridItem>
      <GridItem>
        <Text {...props} of="budget" label="Budget on each instance" help="Then it ends there by itself. Empty: no bound." placeholder="20000, or 5MB" />
      </GridItem>
    </Grid>
  );
}

/** How long it holds. */
export function Hold(props: Props) {
  const { draft, change } = props;
  const id = useId();
  const { may } = useMay('admin', draft.service || undefined);
  if (!usesTtl(draft)) return null;
  return (
    <Grid hasGutter md={6}>
      <GridItem>
        <Text {...props} of="ttl" label="Time to live" help="Up to 24h, as 90s, 15m or 2h." isDisabled={draft.keep} list={`${id}-ttls`} />
        <datalist id={`${id}-ttls`}>
          {['5m', '15m', '30m', '1h', '4h', '24h'].map((ttl) => (
            <option key={ttl} value={ttl} />
          ))}
        </datalist>
      </GridItem>
      {draft.kind !== 'profile' && (
        <GridItem className="sb-keep">
          <Checkbox id={id} label="Hold it until it is dropped" description={may ? 'Nobody is reminded of it.' : 'This needs the role admin.'} isChecked={draft.keep} isDisabled={!may} onChange={(_, keep) => change({ keep })} />
        </GridItem>
      )}
    </Grid>
  );
}

export const Reason = (props: Props) => <Text {...props} of="reason" label="Reason" help="Why. It stands in the audit." maxLength={500} placeholder="ticket 1234: slow lists" required />;

export const Message = (props: Props) => <Text {...props} of="message" label="Message" help="What callers are told meanwhile. Empty: the reason." maxLength={500} />;

/** Which requests: all conditions that are given must hold. */
export function Conditions(props: Props) {
  return (
    <Grid hasGutter md={6}>
      <GridItem>
        <Text {...props} of="user" label="User" help="The subject of the token: the id, as the log shows it." maxLength={256} />
      </GridItem>
      <GridItem>
        <Text {...props} of="tenant" label="Tenant" maxLength={256} />
      </GridItem>
      <GridItem span={12}>
        <Text {...props} of="route" label="Route" help="A pattern; without a method it is for all of them." placeholder="GET /api/catalogs/v1/types/{name}" maxLength={256} />
      </GridItem>
      <GridItem>
        <Text {...props} of="header" label="Header" placeholder="X-Canary" maxLength={128} />
      </GridItem>
      <GridItem>
        <Text {...props} of="headerValue" label="Value of the header" placeholder="1" maxLength={256} />
      </GridItem>
      <GridItem span={12}>
        <Text {...props} of="trace" label="Trace" placeholder="32 hexadecimal digits" maxLength={32} />
      </GridItem>
    </Grid>
  );
}

const profiles = [
  ['cpu', 'cpu: where time goes'],
  ['heap', 'heap: what holds memory, now'],
  ['goroutine', 'goroutine: what is waited for, now'],
  ['block', 'block: what waited, and for how long'],
  ['mutex', 'mutex: which locks were fought for'],
  ['trace', 'trace: all that happens'],
] as const;

/** What is captured, and for how long. */
export function Profile(props: Props) {
  const id = useId();
  const { draft, change } = props;
  return (
    <Grid hasGutter md={6}>
      <GridItem>
        <Field name={id} label="Profile">
          <FormSelect id={id} value={draft.profile} onChange={(_, profile) => change({ profile, before: false })}>
            {profiles.map(([value, label]) => (
              <FormSelectOption key={value} value={value} label={label} />
            ))}
          </FormSelect>
        </Field>
      </GridItem>
      <GridItem>{timed(draft.profile) && <Text {...props} of="seconds" label="Seconds" help="1 to 300." inputMode="numeric" />}</GridItem>
      {draft.profile === 'trace' && (
        <GridItem span={12}>
          <Checkbox
            id={`${id}-before`}
            label="Keep what was before the end"
            description="It records all the time, and keeps the last seconds when you end the lease: end it when you see what you wait for."
            isChecked={draft.before}
            onChange={(_, before) => change({ before })}
          />
        </GridItem>
      )}
    </Grid>
  );
}
