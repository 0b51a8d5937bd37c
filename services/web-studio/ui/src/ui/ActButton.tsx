import { Button, type ButtonProps, Tooltip } from '@patternfly/react-core';
import { useMay } from '~/session/hooks';
import type { Role } from '~/session/roles';

interface Props extends Omit<ButtonProps, 'isDisabled' | 'isAriaDisabled'> {
  /** The role that the act needs. */
  needs: Role;
  /** For which service; undefined: for any. */
  service?: string;
  /** Another reason why it cannot be done just now. */
  unless?: string;
}

/** A button for what changes something: shown disabled, with the reason, to who may not. It can be focused all the same. */
export function ActButton({ needs, service, unless, ...button }: Props) {
  const { may, reason } = useMay(needs, service);
  const why = may ? unless : reason;
  if (!why) return <Button {...button} />;
  return (
    <Tooltip content={why}>
      <Button {...button} isAriaDisabled />
    </Tooltip>
  );
}
