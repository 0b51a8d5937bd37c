import { Alert, Button, Form, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { type FormEvent, useId, useState } from 'react';
import type { User } from '~/session/roles';
import { ErrorSentence } from '~/ui';
import { type How, PasswordFields, ShownOnce } from './PasswordFields';
import { useUserActs } from './queries';
import { makePassword, wrongPassword } from './secret';

/** Gives a user a new password; one that was made up is shown once. */
export function NewPassword({ user, self, onClose }: { user: User; self: boolean; onClose: () => void }) {
  const id = useId();
  const { setPassword } = useUserActs();
  const [how, setHow] = useState<How>('made');
  const [typed, setTyped] = useState('');
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [made, setMade] = useState<string>();

  async function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (busy || (how === 'typed' && wrongPassword(typed, user.name))) return;
    setBusy(true);
    setError(undefined);
    const password = how === 'made' ? makePassword() : typed;
    try {
      await setPassword(user.id, password);
      if (how === 'typed') return onClose();
      setMade(password);
    } catch (thrown) {
      setError(thrown);
    }
    setBusy(false);
  }

  return (
    <Modal isOpen variant="small" aria-labelledby={`${id}-title`} onClose={made ? undefined : onClose}>
      <ModalHeader labelId={`${id}-title`} title={made ? `The new password of ${user.name}` : `Give ${user.name} a new password?`} />
      <ModalBody>
        {made ? (
          <ShownOnce password={made} name={user.name} />
        ) : (
          <Form id={`${id}-form`} onSubmit={submit} noValidate>
            {error !== undefined && <ErrorSentence error={error} what="The password is as it was" />}
            <Alert isInline isPlain variant="warning" title={`The one before does not hold any more, and all sessions of ${user.name} end.${self ? ' That is you: you sign in with the new one.' : ''}`} />
            <PasswordFields how={how} typed={typed} change={(next) => { if (next.how) setHow(next.how); if (next.typed !== undefined) setTyped(next.typed); }} name={user.name} tried={tried} />
          </Form>
        )}
      </ModalBody>
      <ModalFooter>
        {made ? (
          <Button onClick={onClose}>I have it</Button>
        ) : (
          <>
            <Button type="submit" form={`${id}-form`} variant="danger" isLoading={busy} isDisabled={busy}>
              Set it
            </Button>
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
          </>
        )}
      </ModalFooter>
    </Modal>
  );
}
