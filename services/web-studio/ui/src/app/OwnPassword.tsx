import { FormGroup, TextInput } from '@patternfly/react-core';
import { useId, useState } from 'react';
import { api, ask } from '~/api/client';
import { session } from '~/session/session';
import { ConfirmAct } from '~/ui';

/** Changes one's own password. Identity ends all sessions with it, so that one signs in anew with the new one. */
export function OwnPassword({ onClose }: { onClose: () => void }) {
  const id = useId();
  const [current, setCurrent] = useState('');
  const [fresh, setFresh] = useState('');
  const act = async () => {
    await ask(api.PUT('/api/identity/v1/me/password', { body: { current_password: current, new_password: fresh } }));
    await session.signOut();
  };
  const field = (name: string, label: string, value: string, set: (value: string) => void) => (
    <FormGroup label={label} fieldId={`${id}-${name}`} isRequired>
      <TextInput id={`${id}-${name}`} type="password" value={value} onChange={(_, text) => set(text)} autoComplete={`${name}-password`} isRequired />
    </FormGroup>
  );
  return (
    <ConfirmAct title="Change your password?" verb="Change it" danger={false} act={act} onClose={onClose}>
      <p>All your sessions end, on every device, this one too: you sign in with the new one.</p>
      {field('current', 'Password now', current, setCurrent)}
      {field('new', 'New password, at least 12 characters', fresh, setFresh)}
    </ConfirmAct>
  );
}
