import { Button, type ButtonProps, Tooltip } from '@patternfly/react-core';
import { useMay } from '~/session/hooks';
import type { Role } from '~/session/roles';

interface Props extends Omit<ButtonProps, 'isDisabled' | 'isAriaDisabled'> {
  /** The role that the act needs. */
  needs: Role;
  /** For which service; undefined: for any. */
  service?: string;
  /** Where there is no service, it is for all of them. */
  all?: boolean;
  /** Another reason why it cannot be done just now. */
  unless?: string;
}

/** A button for what changes something: shown disabled, with the reason, to who may not. It can be focused all the same. */
export function ActButton({ needs, service, all, unless, ...button }: Props) {
  const { may, reason } = useMay(needs, service, all);
  const why = may ? unless : reason;
  if (!why) return <Button {...button} />;
  return (
    <Tooltip content={why}>
      <Button {...button} isAriaDisabled />
    </Tooltip>
  );
}
