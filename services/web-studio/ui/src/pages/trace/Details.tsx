import { Button } from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import { type Field, fields, term } from '~/pages/logs/terms';
import { at, CopyAs } from '~/ui';
import { took } from './time';
import { type Branch, type Item, ownTime, type TraceRecord } from './tree';
import { instanceQuery, spanQuery } from './words';

type Shown = Extract<Item, { kind: 'span' | 'record' }>;

/** All of a span or of a log line, and where it leads to. */
export function Details({ item, trace, onFilter }: { item: Shown; trace: string; onFilter: (term: string) => void }) {
  return item.kind === 'span' ? <SpanDetails branch={item} trace={trace} /> : <RecordDetails record={item.record} onFilter={onFilter} />;
}

function SpanDetails({ branch, trace }: { branch: Branch; trace: string }) {
  const { span } = branch;
  if (span.strays) return <p>These spans name parents that are not there: they were not sent, are no longer kept, or are on their way still.</p>;
  if (span.hidden) return <p>It is of a service that is not in your roles’ scope: its times are all that you may see.</p>;
  const inner = branch.inside.some((i) => i.kind === 'span');
  const facts: [string, string][] = [
    ['began', `${at(span.start)} (${span.start})`],
    ['took', inner ? `${took(span.duration_us)}, ${took(ownTime(branch))} of it itself` : took(span.duration_us)],
    ...(span.earlier_us ? ([['clock', `It began ${took(span.earlier_us)} before its parent: the clocks of their hosts differ.`]] as [string, string][]) : []),
    ...(span.orphan ? ([['parent', `${span.parent_id ?? ''} is not there.`]] as [string, string][]) : []),
    ...(span.kind ? ([['kind', span.kind]] as [string, string][]) : []),
    ...(span.instance ? ([['instance', span.instance]] as [string, string][]) : []),
    ...(span.span_id ? ([['span', span.span_id]] as [string, string][]) : []),
    ...Object.entries(span.attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  ];
  return (
    <>
      <div className="sb-trace-links">
        {span.span_id && (
          <Link to={'/logs' as never} search={{ q: spanQuery(trace, span), since: span.start } as never}>
            Its lines in the log
          </Link>
        )}
        {span.instance && (
          <Link to={'/logs' as never} search={{ q: instanceQuery(span.instance), since: span.start, until: end(span.start, span.duration_us) } as never}>
            All that {span.instance} said meanwhile
          </Link>
        )}
        {span.service && (
          <Link to={'/topology' as never} search={{ node: span.service } as never}>
            {span.service} in the topology
          </Link>
        )}
        <CopyAs compact label="Copy span" forms={[{ name: 'JSON', text: () => JSON.stringify(span, null, 2) }]} />
      </div>
      <table className="sb-fields" aria-label="The span">
        <tbody>
          {facts.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className="sb-value">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** A second more than the span took: a line about its end comes after it. */
const end = (start: string, us: number) => new Date(Date.parse(start) + us / 1000 + 1000).toISOString();

function RecordDetails({ record, onFilter }: { record: TraceRecord; onFilter: (term: string) => void }) {
  return (
    <>
      <pre className="sb-detail-msg">{record.msg}</pre>
      <div className="sb-trace-links">
        <Link to={'/logs' as never} search={{ around: record.id, q: instanceQuery(record.instance) } as never}>
          Around it in {record.instance}
        </Link>
        {record.by === 'time' && <span className="sb-subtle">Its own span is not there; it stands in one of its service that lasted then.</span>}
        <CopyAs
          compact
          label="Copy record"
          forms={[
            { name: 'link', text: () => `${location.origin}/studio/logs?around=${encodeURIComponent(record.id)}` },
            { name: 'CLI command', text: () => `signalbox logs context ${record.id}` },
            { name: 'JSON', text: () => JSON.stringify(record, null, 2) },
          ]}
        />
      </div>
      <table className="sb-fields" aria-label="Fields">
        <tbody>
          <tr>
            <th scope="row">ts</th>
            <td className="sb-value">
              {record.ts} <span className="sb-subtle">({at(record.ts)} here)</span>
            </td>
          </tr>
          {fields(record).map((field, i) => (
            <tr key={`${field.name}${i}`}>
              <th scope="row">{field.name}</th>
              <td className="sb-value">
                <Value field={field} onFilter={onFilter} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** A value; it leads to the lines of the trace that have it, too. */
function Value({ field, onFilter }: { field: Field; onFilter: (term: string) => void }) {
  if (field.name === 'trace_id') return <>{String(field.value)}</>;
  return (
    <Button variant="link" isInline className="sb-trace-value" title={`Only lines with this ${field.name}`} onClick={() => onFilter(term(field))}>
      {String(field.value)}
    </Button>
  );
}
