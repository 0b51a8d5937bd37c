import { memo, useMemo } from 'react';
import { clock, levelRank } from '~/ui';
import { RecordDetail } from './RecordDetail';
import { type Field, inline, type LogRecord, valueOf } from './terms';

interface Props {
  record: LogRecord;
  columns: string[];
  open: boolean;
  chosen: boolean;
  /** The one that the Tab key leads to while none is chosen. */
  first: boolean;
  marked: boolean;
  onToggle: (key: string) => void;
  onFilter: (field: Field, out: boolean) => void;
  onColumn: (name: string) => void;
  onAround: (record: LogRecord, query: string) => void;
}

/** One record: a line, which opens. */
export const RecordRow = memo(function RecordRow({ record, columns, open, chosen, first, marked, onToggle, ...acts }: Props) {
  const rest = useMemo(() => inline(record, columns), [record, columns]);
  const level = levelRank(record.level).toLowerCase();
  return (
    <div className={`sb-record sb-record-${level}${marked ? ' sb-marked' : ''}`}>
      <button type="button" id={`record-${record.id}`} className="sb-line" aria-expanded={open} tabIndex={chosen || first ? 0 : -1} onClick={() => onToggle(record.id)}>
        <time dateTime={record.ts}>{clock(record.ts)}</time>
        <span className="sb-line-level">{record.level}</span>
        <span className="sb-line-service">{record.service}</span>
        {columns.map((name) => (
          <span key={name} className="sb-line-column" title={name}>
            {valueOf(record, name) || '—'}
          </span>
        ))}
        <span className="sb-line-msg">
          {record.msg} <span className="sb-subtle">{rest}</span>
        </span>
      </button>
      {open && <RecordDetail record={record} columns={columns} {...acts} />}
    </div>
  );
});
