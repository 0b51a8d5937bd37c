import { ClipboardCopy, FormGroup, FormHelperText, HelperText, HelperTextItem, Radio, TextInput } from '@patternfly/react-core';
import { useId } from 'react';
import { wrongPassword } from './secret';

/** How a user gets a password. */
export type How = 'made' | 'typed' | 'none';

interface Props {
  how: How;
  typed: string;
  change: (next: { how?: How; typed?: string }) => void;
  /** Whose it is. */
  name: string;
  /** Whether a user without one is possible. */
  none?: boolean;
  /** The form was sent once: what is wrong is said. */
  tried: boolean;
}

/** A password: made up here and shown once, or typed. */
export function PasswordFields({ how, typed, change, name, none, tried }: Props) {
  const id = useId();
  const wrong = how === 'typed' && tried ? wrongPassword(typed, name) : undefined;
  const radio = (value: How, label: string, description: string) => <Radio id={`${id}-${value}`} name={`${id}-how`} label={label} description={description} isChecked={how === value} onChange={() => change({ how: value })} />;
  return (
    <FormGroup role="radiogroup" label="Password" fieldId={`${id}-made`} isStack>
      {radio('made', 'Make one up', 'It is shown once, when it is set.')}
      {radio('typed', 'Type one', 'At least 12 characters.')}
      {none && radio('none', 'None', 'Nobody can sign in as this user until one is set.')}
      {how === 'typed' && (
        <div>
          <TextInput id={`${id}-typed`} type="password" aria-label="The password" value={typed} onChange={(_, value) => change({ typed: value })} autoComplete="new-password" validated={wrong ? 'error' : 'default'} />
          {wrong && (
            <FormHelperText>
              <HelperText isLiveRegion>
                <HelperTextItem variant="error">{wrong}</HelperTextItem>
              </HelperText>
            </FormHelperText>
          )}
        </div>
      )}
    </FormGroup>
  );
}

/** The password that was made up: here, and never again. */
export function ShownOnce({ password, name }: { password: string; name: string }) {
  return (
    <>
      <p>Give it to {name} on a way that only the two of you read. It is kept nowhere as it is, so that it cannot be shown again.</p>
      <ClipboardCopy isReadOnly hoverTip="Copy" clickTip="Copied" textAriaLabel={`The password of ${name}`}>
        {password}
      </ClipboardCopy>
    </>
  );
}
