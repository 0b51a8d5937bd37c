import { Alert, Button, Form, List, ListItem, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { type FormEvent, useId, useState } from 'react';
import type { User } from '~/session/roles';
import { useMe } from '~/session/hooks';
import { ConfirmAct } from '~/ui';
import { choose, chosen, difference, grantsText, looksAfterUsers } from './grants';
import { useServices, useUserActs } from './queries';
import { RolesFields } from './RolesFields';

/** Changes what a user may do; what that gives and takes is asked before it is done. */
export function EditRoles({ user, self, onClose }: { user: User; self: boolean; onClose: () => void }) {
  const id = useId();
  const me = useMe();
  const services = useServices();
  const { setGrants } = useUserActs();
  const [choice, setChoice] = useState(() => choose(user.grants));
  const [asking, setAsking] = useState(false);
  const after = chosen(choice);
  const { gives, takes } = difference(user.grants, after);
  const same = gives.length + takes.length === 0;
  const locksOut = self && looksAfterUsers(user.grants) && !looksAfterUsers(after);

  const act = async () => {
    await setGrants(user.id, after);
    onClose();
  };

  if (asking) {
    return (
      <ConfirmAct title={`Change the roles of ${user.name}?`} verb="Change them" danger={takes.length > 0} type={locksOut ? user.name : undefined} act={act} onClose={() => setAsking(false)}>
        <List isPlain aria-label="What changes">
          {takes.map((text) => (
            <ListItem key={`-${text}`}>
              Takes: <strong>{text}</strong>
            </ListItem>
          ))}
          {gives.map((text) => (
            <ListItem key={`+${text}`}>
              Gives: <strong>{text}</strong>
            </ListItem>
          ))}
        </List>
        <p>Afterwards: {grantsText(after)}. What is given holds from the next sign-in or renewal on; what is taken, after five minutes at the latest.</p>
        {locksOut && <Alert isInline variant="danger" title="You lock yourself out of this page. Another administrator has to let you in again." />}
      </ConfirmAct>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!same) setAsking(true);
  };
  return (
    <Modal isOpen variant="medium" aria-labelledby={`${id}-title`} onClose={onClose}>
      <ModalHeader labelId={`${id}-title`} title={`Roles of ${user.name}`} description={`Now: ${grantsText(user.grants)}.`} />
      <ModalBody tabIndex={0} aria-label="Roles">
        <Form id={`${id}-form`} onSubmit={submit}>
          <RolesFields choice={choice} change={setChoice} services={services} by={me} />
        </Form>
      </ModalBody>
      <ModalFooter>
        <Button type="submit" form={`${id}-form`} isDisabled={same}>
          Change them…
        </Button>
        <Button variant="link" onClick={onClose}>
          Cancel
        </Button>
      </ModalFooter>
    </Modal>
  );
}
