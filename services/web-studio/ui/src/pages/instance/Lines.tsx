import { Link } from '@tanstack/react-router';
import { inline, type LogRecord, quote } from '~/pages/logs/terms';
import { Answered, clock, EmptyTeach, LevelLabel } from '~/ui';
import { useLines } from './queries';

/** The query that finds an instance's lines. */
export const linesOf = (service: string, instance: string) => `service:${quote(service)} instance:${quote(instance)}`.replace(/"([\w.-]+)"/g, '$1');

/** What it said last; each line leads to what stands around it. */
export function Lines({ service, instance }: { service: string; instance: string }) {
  const q = linesOf(service, instance);
  return (
    <Answered query={useLines(q)} what="its lines">
      {({ records }) =>
        (records ?? []).length === 0 ? (
          <EmptyTeach small title="It has said nothing for an hour" command={`signalbox logs --since 24h '${q}'`}>
            What it logs at its level or above is here a second later.
          </EmptyTeach>
        ) : (
          <ul className="sb-lines">
            {(records ?? []).map((r) => (
              <Line key={r.id} record={r} q={q} />
            ))}
          </ul>
        )
      }
    </Answered>
  );
}

function Line({ record, q }: { record: LogRecord; q: string }) {
  return (
    <li>
      <Link to="/logs" search={{ q, around: record.id } as never} aria-label={`What stands around ${clock(record.ts)}`}>
        <time dateTime={record.ts}>{clock(record.ts)}</time>
      </Link>
      <LevelLabel level={record.level} />
      <span className="sb-line-text">
        {record.msg} <span className="sb-subtle">{inline(record)}</span>
      </span>
    </li>
  );
}
