import { Label } from '@patternfly/react-core';
import type { User } from '~/session/roles';

/** Whether somebody can sign in as the user. */
export function State({ user }: { user: User }) {
  if (user.disabled) {
    return (
      <Label isCompact variant="outline" status="danger">
        blocked
      </Label>
    );
  }
  return user.has_password ? (
    <Label isCompact variant="outline" status="success">
      can sign in
    </Label>
  ) : (
    <Label isCompact variant="outline" color="grey">
      no password
    </Label>
  );
}
