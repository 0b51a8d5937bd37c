import { Alert, Label, List, ListItem } from '@patternfly/react-core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { Schema } from '~/api/client';
import { ApiError } from '~/api/problem';
import { ErrorSentence, RelativeTime } from '~/ui';
import { due } from '../zone';

interface Props {
  times: UseQueryResult<Schema<'scheduler.Next'>>;
  /** The next times as they are now; undefined: there are none yet. */
  before?: string[];
  /** What the mesh warns of. */
  warnings: string[];
  /** The form has an error of its own, so that nothing was asked. */
  incomplete: boolean;
  /** The form has changed since it was asked. */
  busy: boolean;
}

/** When it would be due: in words, and the next times, those marked that are not so now. */
export function Preview({ times, before, warnings, incomplete, busy }: Props) {
  const last = before?.at(-1);
  const isNew = (ts: string) => before !== undefined && !before.includes(ts) && (last === undefined || ts <= last);
  return (
    <section aria-label="Preview" aria-busy={busy} className="sb-preview">
      <h2 className="sb-preview-title">When it will be due</h2>
      {times.isError && !incomplete ? (
        <ErrorSentence error={shorter(times.error)} what="It cannot be saved so" />
      ) : !times.data || incomplete ? (
        <p className="sb-subtle">{incomplete ? 'Fill in the form to see the next times.' : 'The next times are being asked for.'}</p>
      ) : (
        <>
          <p role="status">
            <strong>{times.data.text}</strong>
          </p>
          <List isPlain aria-label="Next times if saved" className="sb-times">
            {(times.data.items ?? []).map((ts) => (
              <ListItem key={ts}>
                <span className="sb-row">
                  <span>{due(ts, times.data.time_zone)}</span>
                  <span className="sb-subtle">
                    {isNew(ts) && (
                      <Label isCompact color="purple">
                        new
                      </Label>
                    )}{' '}
                    <RelativeTime ts={ts} />
                  </span>
                </span>
              </ListItem>
            ))}
          </List>
          {(times.data.items ?? []).length === 0 && <p>It is never due.</p>}
          {warnings.map((w) => (
            <Alert key={w} isInline isPlain variant="warning" title={`${w}.`} className="sb-warning" />
          ))}
        </>
      )}
    </section>
  );
}

/** The API says before it that the request is not valid, which is known here. */
function shorter(error: unknown): unknown {
  if (!(error instanceof ApiError) || error.code !== 'invalid') return error;
  return new ApiError(error.status, error.code, error.message.replace(/^the request is not valid: /, ''), [], undefined);
}
