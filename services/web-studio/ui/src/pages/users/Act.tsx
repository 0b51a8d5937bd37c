import { FormGroup, TextInput } from '@patternfly/react-core';
import { useId, useState } from 'react';
import type { User } from '~/session/roles';
import { ConfirmAct } from '~/ui';
import { EditRoles } from './EditRoles';
import { NewPassword } from './NewPassword';
import { useUserActs } from './queries';

export type ActName = 'roles' | 'password' | 'sessions' | 'block' | 'unblock' | 'display';

interface Props {
  name: ActName;
  user: User;
  /** The user is who asks. */
  self: boolean;
  onClose: () => void;
}

/** One thing that is done about a user, asked before it is. */
export function Act({ name, user, self, onClose }: Props) {
  const { change, endSessions } = useUserActs();
  switch (name) {
    case 'roles':
      return <EditRoles user={user} self={self} onClose={onClose} />;
    case 'password':
      return <NewPassword user={user} self={self} onClose={onClose} />;
    case 'display':
      return <DisplayName user={user} onClose={onClose} />;
    case 'sessions':
      return (
        <ConfirmAct title={`Sign ${user.name} out everywhere?`} verb="Sign out everywhere" act={() => endSessions(user.id)} onClose={onClose}>
          All sessions of {user.name} end, on every device{self && ', this one too'}. What was begun may go on for five minutes at most. The password stays, so {self ? 'you' : user.name} can sign in again.
        </ConfirmAct>
      );
    case 'block':
      return (
        <ConfirmAct title={`Block ${user.name}?`} verb="Block" act={() => change(user.id, { disabled: true })} onClose={onClose}>
          All sessions of {user.name} end, and no other begins. What was begun may go on for five minutes at most. Roles and password are kept for when the user is unblocked.
        </ConfirmAct>
      );
    case 'unblock':
      return (
        <ConfirmAct title={`Let ${user.name} in again?`} verb="Unblock" danger={false} act={() => change(user.id, { disabled: false })} onClose={onClose}>
          {user.name} can sign in {user.has_password ? 'with the password as it was' : 'once a password is set'}, and has the roles as they were.
        </ConfirmAct>
      );
  }
}

function DisplayName({ user, onClose }: Pick<Props, 'user' | 'onClose'>) {
  const id = useId();
  const { change } = useUserActs();
  const [text, setText] = useState(user.display_name);
  return (
    <ConfirmAct title={`What ${user.name} is called`} verb="Change it" danger={false} act={() => change(user.id, { display_name: text.trim() })} onClose={onClose}>
      <FormGroup label="Display name" fieldId={id}>
        <TextInput id={id} value={text} onChange={(_, value) => setText(value)} autoComplete="off" autoFocus />
      </FormGroup>
    </ConfirmAct>
  );
}
