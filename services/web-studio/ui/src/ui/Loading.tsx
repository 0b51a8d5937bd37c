import { Skeleton } from '@patternfly/react-core';

const widths = ['90%', '75%', '82%', '60%', '88%', '70%'] as const;

/** The place of what is being loaded. */
export function Loading({ what, lines = 4 }: { what: string; lines?: number }) {
  return (
    <div className="sb-loading" role="status" aria-label={`Loading ${what}`}>
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} width={widths[i % widths.length]} />
      ))}
    </div>
  );
}
