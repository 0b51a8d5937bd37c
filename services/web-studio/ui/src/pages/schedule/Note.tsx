import { FormGroup, TextInput } from '@patternfly/react-core';
import { useId } from 'react';

interface Props {
  value: string;
  onChange: (text: string) => void;
  required?: boolean;
}

/** Why something is done: it stands in the audit. */
export function Note({ value, onChange, required }: Props) {
  const id = useId();
  return (
    <FormGroup label="Note" fieldId={id} isRequired={required} className="sb-note">
      <TextInput id={id} value={value} maxLength={500} onChange={(_, text) => onChange(text)} placeholder={required ? 'Why, for whoever asks later' : 'Why, if there is something to say'} autoComplete="off" />
    </FormGroup>
  );
}
