import { Button, Tooltip } from '@patternfly/react-core';
import ColumnsIcon from '@patternfly/react-icons/dist/esm/icons/columns-icon';
import MinusIcon from '@patternfly/react-icons/dist/esm/icons/minus-icon';
import PlusIcon from '@patternfly/react-icons/dist/esm/icons/plus-icon';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { at, CopyAs } from '~/ui';
import { type Field, fields, type LogRecord, quote } from './terms';

interface Props {
  record: LogRecord;
  columns: string[];
  onFilter: (field: Field, out: boolean) => void;
  onColumn: (name: string) => void;
  onAround: (record: LogRecord, query: string) => void;
}

/** All of a record. Each value can be looked for, left out, or made a column. */
export function RecordDetail({ record, columns, onFilter, onColumn, onAround }: Props) {
  const link = `${location.origin}/studio/logs?around=${encodeURIComponent(record.id)}`;
  return (
    <div className="sb-detail">
      <pre className="sb-detail-msg">{record.msg}</pre>
      <div className="sb-detail-acts">
        <Button variant="secondary" size="sm" onClick={() => onAround(record, `instance:${value(record.instance)}`)}>
          Around it in {record.instance}
        </Button>
        {record.trace_id && (
          <>
            <Link to={'/traces/$id' as never} params={{ id: record.trace_id } as never} className="pf-v6-c-button pf-m-secondary pf-m-small">
              Its trace
            </Link>
            <Button variant="secondary" size="sm" onClick={() => onAround(record, `trace:${record.trace_id}`)}>
              Around it in the trace
            </Button>
          </>
        )}
        {record.links?.trace && (
          <Button variant="link" size="sm" component="a" href={record.links.trace} target="_blank" rel="noreferrer">
            Spans of the trace
          </Button>
        )}
        <CopyAs
          compact
          label="Copy record"
          forms={[
            { name: 'link', text: () => link },
            { name: 'CLI command', text: () => `signalbox logs context ${record.id}` },
            { name: 'JSON', text: () => JSON.stringify(record, null, 2) },
            { name: 'text', text: () => `${record.ts} ${record.level} ${record.service} ${record.msg}` },
          ]}
        />
      </div>
      <table className="sb-fields" aria-label="Fields">
        <tbody>
          <tr>
            <th scope="row">ts</th>
            <td>
              {record.ts} <span className="sb-subtle">({at(record.ts)} here)</span>
            </td>
            <td />
          </tr>
          {fields(record).map((field, i) => (
            <tr key={`${field.name}${i}`}>
              <th scope="row">{field.name}</th>
              <td className="sb-value">{String(field.value)}</td>
              <td className="sb-field-acts">
                <Act label={`Only ${field.name} ${field.value}`} icon={<PlusIcon />} onClick={() => onFilter(field, false)} />
                <Act label={`Without ${field.name} ${field.value}`} icon={<MinusIcon />} onClick={() => onFilter(field, true)} />
                <Act label={`${columns.includes(field.name) ? 'Remove' : 'Add'} column ${field.name}`} icon={<ColumnsIcon />} onClick={() => onColumn(field.name)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Act({ label, icon, onClick }: { label: string; icon: ReactNode; onClick: () => void }) {
  return (
    <Tooltip content={label}>
      <Button variant="plain" size="sm" aria-label={label} icon={icon} onClick={onClick} />
    </Tooltip>
  );
}

const value = (text: string) => (/^[\w.-]+$/.test(text) ? text : quote(text));
