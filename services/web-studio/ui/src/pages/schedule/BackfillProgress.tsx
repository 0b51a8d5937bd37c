import { Alert, Progress } from '@patternfly/react-core';
import { at, count, ErrorSentence } from '~/ui';
import { useBackfilled } from './queries';

/** How far a backfill has come. */
export function BackfillProgress({ id }: { id: string }) {
  const query = useBackfilled(id);
  if (query.isError && !query.data) return <ErrorSentence error={query.error} what="How far the backfill has come is not known" onRetry={() => void query.refetch()} />;
  if (!query.data) return <p role="status">How far the backfill has come is being asked for.</p>;
  const b = query.data;
  const ended = b.done + b.failed + b.skipped;
  const over = ended === b.fires;
  const parts = [
    [b.done, 'done'],
    [b.failed, 'failed'],
    [b.skipped, 'left out'],
    [b.running, 'under way'],
    [b.waiting, 'waiting'],
  ] as const;
  return (
    <Alert
      isInline
      className="sb-above"
      variant={!over ? 'info' : b.failed > 0 ? 'danger' : 'success'}
      title={`Backfill of ${count(b.fires)} due ${b.fires === 1 ? 'time' : 'times'}, by ${b.requested_by}: ${over ? 'ended' : 'under way'}`}
    >
      <p>
        Due from {at(b.from)} to {at(b.to)}.
      </p>
      <Progress aria-label="Backfilled" value={Math.floor((ended / b.fires) * 100)} />
      <p role="status">
        {parts
          .filter(([n]) => n > 0)
          .map(([n, name]) => `${count(n)} ${name}`)
          .join(', ')}
        .
      </p>
    </Alert>
  );
}
