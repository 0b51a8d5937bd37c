// What every page is made of. A page imports from here, from PatternFly, and from src/api and src/live.
export { ActButton } from './ActButton';
export { ConfirmAct, type ConfirmActProps } from './ConfirmAct';
export { CopyAs, type CopyForm } from './CopyAs';
export { EmptyTeach } from './EmptyTeach';
export { ErrorSentence } from './ErrorSentence';
export { HealthLabel } from './HealthLabel';
export { LevelLabel } from './LevelLabel';
export { levelRank, type LevelName } from './level';
export { Loading } from './Loading';
export { PageFrame } from './PageFrame';
export { RelativeTime } from './RelativeTime';
export { Stale } from './Stale';
export { Answered } from './Answered';
export { TimeRange } from './TimeRange';
export { at, bytes, clock, count, duration, elapsed } from './format';
export { missing } from './missing';
export { useNow } from './useNow';
export { useUrl } from './useUrl';
