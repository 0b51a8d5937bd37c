import { Alert, AlertActionLink, ClipboardCopy } from '@patternfly/react-core';
import { ApiError, sentence } from '~/api/problem';

interface Props {
  error: unknown;
  /** What was being done: "The schedules could not be loaded". */
  what: string;
  /** The way on; without one there is no button. */
  onRetry?: () => void;
}

/** An error as sentences with a way on: what failed, why, which input, and the trace to quote. */
export function ErrorSentence({ error, what, onRetry }: Props) {
  const api = error instanceof ApiError ? error : undefined;
  return (
    <Alert
      isInline
      variant={api?.status === 403 ? 'warning' : 'danger'}
      title={`${what.replace(/\.$/, '')}.`}
      actionLinks={onRetry && <AlertActionLink onClick={onRetry}>Try again</AlertActionLink>}
    >
      <p>{sentence(error)}</p>
      {api?.fields.map((f) => (
        <div key={f.name + f.detail}>
          {!sentence(error).includes(f.detail) && (
            <p>
              <code>{f.name.replace(/^\//, '')}</code> {f.detail}
            </p>
          )}
          {f.shown && <pre className="sb-shown">{f.shown}</pre>}
        </div>
      ))}
      {api?.retryAfter && <p>It may be tried again in {api.retryAfter} s.</p>}
      {api?.traceId && (
        <p>
          Trace{' '}
          <ClipboardCopy isReadOnly variant="inline-compact" hoverTip="Copy" clickTip="Copied">
            {api.traceId}
          </ClipboardCopy>{' '}
          <a href={`/studio/traces/${api.traceId}`} target="_blank" rel="noreferrer">
            What was logged in it
          </a>
        </p>
      )}
    </Alert>
  );
}
