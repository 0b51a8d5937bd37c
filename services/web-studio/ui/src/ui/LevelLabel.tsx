import { Label } from '@patternfly/react-core';
import { levelRank } from './level';

const colors = { DEBUG: 'grey', INFO: 'blue', WARN: 'orange', ERROR: 'red' } as const;

/** A log level: its name, never its colour alone. */
export function LevelLabel({ level }: { level: string }) {
  return (
    <Label isCompact color={colors[levelRank(level)]} className="sb-level">
      {level.toUpperCase()}
    </Label>
  );
}
