import { Label, type LabelProps } from '@patternfly/react-core';
import { BanIcon, CheckIcon, ClockIcon, PlayIcon, TimesIcon } from '@patternfly/react-icons';
import type { ReactNode } from 'react';
import { type Fire, type Kind, kind, stateNames, stateText } from './words';

const looks: Record<Kind, Pick<LabelProps, 'color'> & { icon: ReactNode }> = {
  done: { color: 'green', icon: <CheckIcon /> },
  failed: { color: 'red', icon: <TimesIcon /> },
  skipped: { color: 'yellow', icon: <BanIcon /> },
  running: { color: 'blue', icon: <PlayIcon /> },
  waiting: { color: 'grey', icon: <ClockIcon /> },
};

/** How a fire stands: shape, word, and (unless brief) why. */
export function FireState({ fire, brief }: { fire: Pick<Fire, 'state' | 'reason'>; brief?: boolean }) {
  return (
    <Label isCompact variant="outline" {...looks[kind(fire.state)]}>
      {brief ? stateNames[fire.state] : stateText(fire)}
    </Label>
  );
}
