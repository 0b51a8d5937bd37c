import { FormGroup, FormHelperText, FormSelect, FormSelectOption, HelperText, HelperTextItem, TextArea, TextInput } from '@patternfly/react-core';
import { type ReactNode, useId } from 'react';
import type { Draft, Wrong } from './draft';

export interface FormProps {
  draft: Draft;
  change: (next: Partial<Draft>) => void;
  wrong: Wrong;
}

/** A field with its label, and below it what is wrong, or what it is for. */
export function Field({ id, label, help, wrong, required, children }: { id: string; label: string; help?: ReactNode; wrong?: string; required?: boolean; children: ReactNode }) {
  return (
    <FormGroup label={label} fieldId={id} isRequired={required}>
      {children}
      {(wrong || help) && (
        <FormHelperText>
          <HelperText id={`${id}-help`} isLiveRegion={Boolean(wrong)}>
            <HelperTextItem variant={wrong ? 'error' : 'default'}>{wrong ?? help}</HelperTextItem>
          </HelperText>
        </FormHelperText>
      )}
    </FormGroup>
  );
}

interface OneProps extends FormProps {
  of: Exclude<keyof Draft, 'kind'>;
  label: string;
  help?: ReactNode;
  required?: boolean;
}

/** A text; with lines, one that has several. */
export function Text({ of, label, help, required, draft, change, wrong, lines, placeholder, list }: OneProps & { lines?: number; placeholder?: string; list?: string }) {
  const id = useId();
  const props = {
    id,
    value: draft[of],
    placeholder,
    validated: wrong[of] ? ('error' as const) : ('default' as const),
    'aria-describedby': wrong[of] || help ? `${id}-help` : undefined,
    onChange: (_: unknown, text: string) => change({ [of]: text }),
    spellCheck: false,
  };
  return (
    <Field id={id} label={label} help={help} wrong={wrong[of]} required={required}>
      {lines ? <TextArea {...props} rows={lines} resizeOrientation="vertical" className="sb-mono" /> : <TextInput {...props} list={list} autoComplete="off" />}
    </Field>
  );
}

/** One of a few. */
export function Choice({ of, label, help, draft, change, wrong, options }: OneProps & { options: [value: string, label: string][] }) {
  const id = useId();
  return (
    <Field id={id} label={label} help={help} wrong={wrong[of]}>
      <FormSelect id={id} value={draft[of]} onChange={(_, value) => change({ [of]: value })} validated={wrong[of] ? 'error' : 'default'}>
        {options.map(([value, name]) => (
          <FormSelectOption key={value} value={value} label={name} />
        ))}
      </FormSelect>
    </Field>
  );
}
