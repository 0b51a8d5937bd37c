import { Checkbox, FormFieldGroup, FormFieldGroupHeader, FormSelect, FormSelectOption, TextInput } from '@patternfly/react-core';
import { useId, useState } from 'react';
import type { User } from '~/session/roles';
import { type Choice, covers, type RoleName, roles, type Scope } from './grants';

interface Props {
  choice: Choice;
  change: (next: Choice) => void;
  /** Services to choose from; those that are granted already stand there, too. */
  services: string[];
  /** Who grants: nobody grants more than he holds. */
  by: User | undefined;
}

const scopes: [Scope, string][] = [
  ['none', 'not granted'],
  ['all', 'for all services'],
  ['some', 'for some services'],
];

/** Which roles, and for which services. */
export function RolesFields({ choice, change, services, by }: Props) {
  return roles.map(([role, may]) => (
    <Role key={role} role={role} may={may} services={services} by={by} value={choice[role]} onChange={(value) => change({ ...choice, [role]: value })} />
  ));
}

type Value = Choice[RoleName];

function Role({ role, may, services, by, value, onChange }: Pick<Props, 'services' | 'by'> & { role: RoleName; may: string; value: Value; onChange: (next: Value) => void }) {
  const id = useId();
  const mine = (service: string) => covers(by, [{ role, services: [service] }]);
  const toggle = (service: string, on: boolean) => onChange({ scope: 'some', services: on ? [...value.services, service] : value.services.filter((s) => s !== service) });
  return (
    <FormFieldGroup header={<FormFieldGroupHeader titleText={{ text: role, id: `${id}-role` }} titleDescription={may} />} role="group" aria-labelledby={`${id}-role`}>
      <FormSelect aria-label={`Scope of ${role}`} value={value.scope} onChange={(_, scope) => onChange({ ...value, scope: scope as Scope })}>
        {scopes.map(([scope, label]) => (
          <FormSelectOption key={scope} value={scope} label={scope === 'all' && !covers(by, [{ role }]) ? `${label} (you do not hold it)` : label} isDisabled={scope === 'all' && !covers(by, [{ role }]) && value.scope !== 'all'} />
        ))}
      </FormSelect>
      {value.scope === 'some' && (
        <>
          <div className="sb-services">
            {[...new Set([...services, ...value.services])].sort().map((service) => (
              <Checkbox
                key={service}
                id={`${id}-${service}`}
                label={service}
                isChecked={value.services.includes(service)}
                isDisabled={!mine(service) && !value.services.includes(service)}
                onChange={(_, on) => toggle(service, on)}
              />
            ))}
          </div>
          <Another label={`Another service for ${role}`} onAdd={(service) => toggle(service, true)} />
        </>
      )}
    </FormFieldGroup>
  );
}

/** A service that does not run just now can be named, too. */
function Another({ label, onAdd }: { label: string; onAdd: (service: string) => void }) {
  const [name, setName] = useState('');
  const add = () => {
    if (/^[a-z][a-z0-9-]{0,62}$/.test(name.trim())) onAdd(name.trim());
    setName('');
  };
  return (
    <TextInput
      aria-label={label}
      placeholder="Another service, by its name and Enter"
      value={name}
      onChange={(_, value) => setName(value)}
      onBlur={add}
      onKeyDown={(event) => {
        if (event.key !== 'Enter') return;
        event.preventDefault(); // it would send the form
        add();
      }}
    />
  );
}
