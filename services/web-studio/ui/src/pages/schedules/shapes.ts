import { BanIcon, CheckIcon, ClockIcon, PlayIcon, TimesIcon } from '@patternfly/react-icons';
import type { ComponentType } from 'react';
import type { Kind } from './words';

/** Each kind of fire has a shape of its own: a colour alone is not seen by all. */
export const shapes: Record<Kind, ComponentType> = { done: CheckIcon, failed: TimesIcon, skipped: BanIcon, running: PlayIcon, waiting: ClockIcon };
