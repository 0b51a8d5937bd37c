import { Button } from '@patternfly/react-core';
import SyncAltIcon from '@patternfly/react-icons/dist/esm/icons/sync-alt-icon';
import { Link, useParams } from '@tanstack/react-router';
import { ApiError } from '~/api/problem';
import { Answered, at, CopyAs, EmptyTeach, PageFrame, useUrl } from '~/ui';
import { Filters } from './Filters';
import { Lacks } from './Lacks';
import { useTrace } from './queries';
import type { Trace as Data } from './tree';
import { Waterfall } from './Waterfall';
import { beginning, command, headline, storeName } from './words';
import './trace.css';

/** One trace: the tree of its spans, and in each of them what was logged there. */
export default function Trace() {
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  const [{ q = '', level = '' }, change] = useUrl<'q' | 'level'>();
  const query = useTrace(id, q, level);
  const trace = query.data;
  const filtered = Boolean(q || level);
  const nothing = query.error instanceof ApiError && query.error.status === 404 && !query.isPlaceholderData;
  return (
    <PageFrame
      title={`Trace ${id.slice(0, 8)}`}
      fill
      lead={
        trace && (
          <span role="status">
            {beginning(trace) && <span className="sb-trace-lead">{beginning(trace)}</span>}
            <span className="sb-trace-lead">{[trace.start && at(trace.start), headline(trace)].filter(Boolean).join(', ')}</span>
          </span>
        )
      }
      actions={<Acts id={id} q={q} level={level} trace={trace} busy={query.isFetching} onReload={() => void query.refetch()} />}
    >
      <Filters key={`${q} ${level}`} q={q} level={level} onChange={change} />
      {nothing ? (
        <Nothing filtered={filtered} onClear={() => change({ q: '', level: '' })} />
      ) : (
        <Answered query={query} what="the trace">
          {(data) => (
            <>
              <Lacks trace={data} />
              <Waterfall key={data.trace_id} trace={data} filtered={filtered} onFilter={(more) => change({ q: [q, more].filter(Boolean).join(' ') })} />
            </>
          )}
        </Answered>
      )}
    </PageFrame>
  );
}

interface ActsProps {
  id: string;
  q: string;
  level: string;
  trace?: Data;
  busy: boolean;
  onReload: () => void;
}

function Acts({ id, q, level, trace, busy, onReload }: ActsProps) {
  return (
    <div className="sb-trace-acts">
      {trace?.links?.trace && (
        <Button variant="secondary" component="a" href={trace.links.trace} target="_blank" rel="noreferrer">
          Open in {storeName(trace.links.trace)}
        </Button>
      )}
      <Button variant="secondary" icon={<SyncAltIcon />} onClick={onReload} isAriaDisabled={busy}>
        Load anew
      </Button>
      <CopyAs
        forms={[
          { name: 'link', text: () => location.href },
          { name: 'trace id', text: () => id },
          { name: 'CLI command', text: () => command(id, q, level) },
          ...(trace ? [{ name: 'JSON', text: () => JSON.stringify(trace, null, 2) }] : []),
        ]}
      />
    </div>
  );
}

function Nothing({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (filtered) {
    return (
      <EmptyTeach
        title="No log line of this trace matches"
        action={
          <Button variant="link" onClick={onClear}>
            Show all of the trace
          </Button>
        }
      >
        There are no spans of this trace, and none of its log lines gets through the filter; or there is no such trace.
      </EmptyTeach>
    );
  }
  return (
    <EmptyTeach title="Nothing is known of this trace" action={<Link to={'/traces' as never}>Look for another</Link>}>
      There is no span and no log line of it, or none that you may see. Spans and lines come a second or two after they were made, and go when their time is over.
    </EmptyTeach>
  );
}
