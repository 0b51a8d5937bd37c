import { Label, Tooltip } from '@patternfly/react-core';
import { clock, elapsed } from './format';
import { useNow } from './useNow';

interface Props {
  /** Since when what is shown is not fresh, in milliseconds; undefined: it is fresh, and nothing is shown. */
  since?: number;
  /** Why, when that is known. */
  why?: string;
}

/** Says that what is shown is old, and how old; it is announced to who cannot see it. */
export function Stale({ since, why }: Props) {
  const now = useNow();
  return (
    <span role="status">
      {since !== undefined && (
        <Tooltip content={why ?? 'The mesh does not answer; it is asked again and again.'}>
          <Label status="warning" tabIndex={0}>
            Stale: as of {clock(since, false)}, {elapsed(now - since)}
          </Label>
        </Tooltip>
      )}
    </span>
  );
}
