import { Button, Form, FormGroup, FormHelperText, HelperText, HelperTextItem, Modal, ModalBody, ModalFooter, ModalHeader, TextInput } from '@patternfly/react-core';
import { type FormEvent, useId, useState } from 'react';
import { useMe } from '~/session/hooks';
import type { User } from '~/session/roles';
import { ErrorSentence } from '~/ui';
import { choose, chosen, grantsText } from './grants';
import { type How, PasswordFields, ShownOnce } from './PasswordFields';
import { useServices, useUserActs } from './queries';
import { RolesFields } from './RolesFields';
import { makePassword, wrongPassword } from './secret';

interface Props {
  onDone: (id: string) => void;
  onClose: () => void;
}

/** Makes a user. A password that was made up is shown before the form goes. */
export function NewUser({ onDone, onClose }: Props) {
  const id = useId();
  const me = useMe();
  const services = useServices();
  const { create } = useUserActs();
  const [draft, setDraft] = useState({ name: '', display: '', how: 'made' as How, typed: '' });
  const [choice, setChoice] = useState(() => choose([{ role: 'viewer' }]));
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [made, setMade] = useState<{ user: User; password: string }>();
  const change = (next: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...next }));
  const name = draft.name.trim();
  const wrong = !name || (draft.how === 'typed' && wrongPassword(draft.typed, name) !== undefined);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (busy || wrong) return;
    setBusy(true);
    setError(undefined);
    const password = { made: makePassword, typed: () => draft.typed, none: () => undefined }[draft.how]();
    try {
      const user = await create({ name, display_name: draft.display.trim() || undefined, password, grants: chosen(choice) });
      if (draft.how === 'made' && password) setMade({ user, password });
      else onDone(user.id);
    } catch (thrown) {
      setError(thrown);
    }
    setBusy(false);
  }

  if (made) {
    return (
      <Modal isOpen variant="small" aria-labelledby={`${id}-made`}>
        <ModalHeader labelId={`${id}-made`} title={`${made.user.name} can sign in`} description={`With ${grantsText(made.user.grants)}.`} />
        <ModalBody>
          <ShownOnce password={made.password} name={made.user.name} />
        </ModalBody>
        <ModalFooter>
          <Button onClick={() => onDone(made.user.id)}>I have it</Button>
        </ModalFooter>
      </Modal>
    );
  }
  return (
    <Modal isOpen variant="medium" aria-labelledby={`${id}-title`} onClose={onClose}>
      <ModalHeader labelId={`${id}-title`} title="Make a user" description="Somebody who signs in, with what he may do." />
      <ModalBody tabIndex={0} aria-label="Make a user">
        <Form id={`${id}-form`} onSubmit={submit} noValidate>
          {error !== undefined && <ErrorSentence error={error} what="No user was made" />}
          <FormGroup label="Name" fieldId={`${id}-name`} isRequired>
            <TextInput id={`${id}-name`} value={draft.name} onChange={(_, value) => change({ name: value })} autoComplete="off" spellCheck={false} isRequired validated={tried && !name ? 'error' : 'default'} autoFocus />
            <FormHelperText>
              <HelperText isLiveRegion={tried}>
                <HelperTextItem variant={tried && !name ? 'error' : 'default'}>{tried && !name ? 'A name to sign in with.' : 'For signing in, without spaces; in any case it is the same. It stays.'}</HelperTextItem>
              </HelperText>
            </FormHelperText>
          </FormGroup>
          <FormGroup label="Display name" fieldId={`${id}-display`}>
            <TextInput id={`${id}-display`} value={draft.display} onChange={(_, value) => change({ display: value })} autoComplete="off" />
          </FormGroup>
          <PasswordFields how={draft.how} typed={draft.typed} change={change} name={name} none tried={tried} />
          <RolesFields choice={choice} change={setChoice} services={services} by={me} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={`${id}-form`} isLoading={busy} isDisabled={busy}>
          Make the user
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
