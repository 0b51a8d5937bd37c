import { Button } from '@patternfly/react-core';
import AngleDownIcon from '@patternfly/react-icons/dist/esm/icons/angle-down-icon';
import AngleRightIcon from '@patternfly/react-icons/dist/esm/icons/angle-right-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import type { CSSProperties, MouseEvent, ReactNode, Ref } from 'react';
import { inline } from '~/pages/logs/terms';
import { at, count, levelRank, missing } from '~/ui';
import { Details } from './Details';
import { micros, place, took } from './time';
import type { Branch, Row, TraceRecord } from './tree';
import { spanName } from './words';

interface Props {
  ref: Ref<HTMLDivElement>;
  id: string;
  index: number;
  /** Where it stands in the list, px. */
  top: number;
  row: Row;
  trace: string;
  hue: (service: string) => number;
  /** Of the trace, microseconds. */
  start: number;
  total: number;
  /** The Tab key leads to it. */
  current: boolean;
  detailed: boolean;
  onToggle: () => void;
  onDetail: () => void;
  onFilter: (term: string) => void;
}

/** One line of the tree, and below it all of it where that is asked for. */
export function Line({ ref, id, index, top, row, trace, hue, start, total, current, detailed, onToggle, onDetail, onFilter }: Props) {
  const { item, level, open } = row;
  const press = (event: MouseEvent<HTMLElement>) => {
    const inner = (event.target as HTMLElement).closest('button, a, .sb-trace-details');
    if (inner || String(getSelection())) return;
    if (item.kind === 'loose') onToggle();
    else onDetail();
  };
  return (
    <div
      ref={ref}
      id={id}
      data-index={index}
      role="row"
      aria-rowindex={index + 2}
      aria-level={level}
      aria-posinset={row.place}
      aria-setsize={row.beside}
      aria-expanded={open}
      aria-selected={item.kind === 'span' || item.kind === 'record' ? detailed : undefined}
      tabIndex={current ? 0 : -1}
      className={`sb-trace-row sb-trace-${item.kind}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={press}
    >
      <div className="sb-trace-line">
        <span role="gridcell" className="sb-trace-what" style={{ '--sb-depth': Math.min(level - 1, deepest) } as CSSProperties}>
          {open === undefined ? (
            <span className="sb-trace-no-toggle" />
          ) : (
            <Button variant="plain" size="sm" tabIndex={-1} className="sb-trace-toggle" icon={open ? <AngleDownIcon /> : <AngleRightIcon />} aria-label={open ? 'Close' : 'Open'} onClick={onToggle} />
          )}
          {item.kind === 'span' && <SpanText branch={item} open={open} hue={hue} />}
          {item.kind === 'record' && <RecordText record={item.record} />}
          {item.kind === 'gap' && (
            <span className="sb-trace-text">
              <strong>Gap:</strong> {missing(item.gap)} {item.gap.to_seq === item.gap.from_seq ? 'is' : 'are'} missing: {item.gap.cause}
            </span>
          )}
          {item.kind === 'loose' && <strong className="sb-trace-text">In none of these spans ({count(item.size)})</strong>}
        </span>
        <span role="gridcell" className="sb-trace-took">
          {item.kind === 'span' ? took(item.span.duration_us) : item.kind === 'record' ? <time title={at(item.record.ts)}>{offset(micros(item.record.ts) - start)}</time> : null}
        </span>
        <span role="gridcell" className="sb-trace-time">
          {item.kind === 'span' && <Bar branch={item} start={start} total={total} hue={hue(item.span.service ?? '')} />}
          {item.kind === 'record' && <span className={`sb-trace-tick sb-tick-${levelRank(item.record.level).toLowerCase()}`} style={{ insetInlineStart: `${place(item.record.ts, 0, start, total).left}%` }} />}
        </span>
      </div>
      {detailed && (item.kind === 'span' || item.kind === 'record') && (
        <div role="gridcell" className="sb-trace-details">
          <Details item={item} trace={trace} onFilter={onFilter} />
        </div>
      )}
    </div>
  );
}

const deepest = 16; // what is deeper is not moved in any further

function SpanText({ branch, open, hue }: { branch: Branch; open?: boolean; hue: (service: string) => number }) {
  const { span } = branch;
  return (
    <>
      {span.error && <Failed />}
      <span className="sb-trace-text">
        {span.service && (
          <span className={`sb-trace-service sb-hue-${hue(span.service)}`}>
            <strong>{span.service}</strong>
          </span>
        )}{' '}
        <span className={span.hidden || span.strays ? 'sb-subtle' : undefined}>
          {(span.kind === 'client' || span.kind === 'producer') && '→ '}
          {spanName(span)}
        </span>
        {span.error && span.attributes?.['otel.status_description'] && <span className="sb-trace-why"> {span.attributes['otel.status_description']}</span>}
        {open === false && (
          <span className="sb-subtle">
            {' '}
            · {count(branch.size)} inside{branch.errors > 0 && `, ${count(branch.errors)} of them ${branch.errors === 1 ? 'an error' : 'errors'}`}
          </span>
        )}
      </span>
    </>
  );
}

const Failed = (): ReactNode => (
  <span className="sb-trace-failed">
    <ExclamationCircleIcon aria-hidden />
    <span className="pf-v6-screen-reader">failed</span>
  </span>
);

function RecordText({ record }: { record: TraceRecord }) {
  return (
    <span className={`sb-trace-text sb-trace-record-${levelRank(record.level).toLowerCase()}`}>
      <span className="sb-trace-level-name">{record.level}</span> {record.span === undefined && `${record.service}: `}
      {record.msg} <span className="sb-subtle">{inline(record)}</span>
    </span>
  );
}

/** When a span lasted, among all of the trace. */
function Bar({ branch: { span }, start, total, hue }: { branch: Branch; start: number; total: number; hue: number }) {
  const { left, width } = place(span.start, span.duration_us, start, total);
  const kind = span.strays || span.hidden ? 'sb-hue-none' : `sb-hue-${hue}`;
  return <span className={`sb-trace-span-bar ${kind}${span.error ? ' sb-trace-bar-failed' : ''}`} style={{ insetInlineStart: `min(${left}%, calc(100% - 3px))`, width: `max(${width}%, 3px)` }} />;
}

const offset = (us: number) => (us < 0 ? `−${took(-us)}` : `+${took(us)}`);
