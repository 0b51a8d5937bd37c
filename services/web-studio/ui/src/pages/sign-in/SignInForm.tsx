import { ActionGroup, Button, Form, FormGroup, TextInput } from '@patternfly/react-core';
import { type FormEvent, useId, useState } from 'react';
import { session } from '~/session/session';
import { ErrorSentence } from '~/ui';

/** Name and password. What it leads to is the caller's page, at its own address. */
export function SignInForm() {
  const id = useId();
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await session.signIn(name, password);
    } catch (thrown) {
      setError(thrown);
      setPassword('');
      document.getElementById(`${id}-password`)?.focus();
    } finally {
      setBusy(false);
    }
  }

  return (
    <Form onSubmit={submit}>
      {error !== undefined && <ErrorSentence error={error} what="You are not signed in" />}
      <FormGroup label="Name" fieldId={`${id}-name`} isRequired>
        <TextInput id={`${id}-name`} name="username" value={name} onChange={(_, v) => setName(v)} autoComplete="username" isRequired autoFocus />
      </FormGroup>
      <FormGroup label="Password" fieldId={`${id}-password`} isRequired>
        <TextInput id={`${id}-password`} name="password" type="password" value={password} onChange={(_, v) => setPassword(v)} autoComplete="current-password" isRequired />
      </FormGroup>
      <ActionGroup>
        <Button type="submit" isBlock isLoading={busy} isDisabled={busy || !name || !password}>
          Sign in
        </Button>
      </ActionGroup>
    </Form>
  );
}
