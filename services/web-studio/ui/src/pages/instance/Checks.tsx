import { ExpandableSection, List, ListItem, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { checks, type Instance } from '~/pages/fleet/fleet';
import { at, duration, HealthLabel, RelativeTime } from '~/ui';
import { Strip } from './Strip';
import { type Change, changeText, ofCheck, percent, type Segment, upShare, whole } from './strip';

const all = 'The instance';

const least = 600_000; // milliseconds

const ranges = { '1h': 3_600_000, '24h': 86_400_000, '7d': 604_800_000 } as const;

export type Range = keyof typeof ranges;
export const isRange = (text?: string): text is Range => text !== undefined && text in ranges;

interface Props {
  instance: Instance;
  history: Change[];
  now: number;
  range: Range;
  onRange: (range: Range) => void;
}

/** How the instance and each of its checks were over time, and what they say now. */
export function Checks({ instance, history, now, range, onRange }: Props) {
  const known = Math.min(now - least, ...history.map((c) => Date.parse(c.at)));
  const since = Math.max(now - ranges[range], known); // before that, nothing is known of anything
  const being = whole(instance, history, since, now);
  const own = checks(instance);
  return (
    <>
      <div className="sb-row sb-strips-head">
        <span className="sb-subtle">
          the last {duration(now - since)}; low: up, high: down, flat: not known
        </span>
        <ToggleGroup aria-label="How far back">
          {(Object.keys(ranges) as Range[]).map((r) => (
            <ToggleGroupItem key={r} text={r} buttonId={`range-${r}`} isSelected={r === range} onChange={() => onRange(r)} />
          ))}
        </ToggleGroup>
      </div>
      <ul className="sb-strips">
        <One name={all} status={instance.state === 'live' ? instance.health : instance.state} segments={being} changes={history.filter((c) => c.check === '')} since={since} now={now} />
        {own.map((c) => (
          <One
            key={c.name}
            name={c.name}
            status={instance.state === 'live' ? c.status : 'unknown'}
            note={note(c.node, c.weight)}
            error={instance.state === 'live' ? c.error : undefined}
            from={c.since}
            segments={ofCheck(c, history, being, since, now)}
            changes={history.filter((x) => x.check === c.name)}
            since={since}
            now={now}
          />
        ))}
      </ul>
    </>
  );
}

/** What it asks after, and what it does to the instance when it fails. */
function note(node?: string, weight?: string): string {
  return [node && `asks after ${node}`, weight === 'down' ? 'the instance needs it' : ''].filter(Boolean).join('; ');
}

interface OneProps {
  name: string;
  status: string;
  note?: string;
  error?: string;
  from?: string;
  segments: Segment[];
  changes: Change[];
  since: number;
  now: number;
}

function One({ name, status, note, error, from, segments, changes, since, now }: OneProps) {
  const share = upShare(segments);
  const newest = [...changes].reverse();
  return (
    <li>
      <div className="sb-row">
        <span>
          <strong>{name}</strong> <HealthLabel health={status} />{' '}
          {from && (
            <span className="sb-subtle">
              since <RelativeTime ts={from} />
            </span>
          )}
        </span>
        {share !== undefined && share < 100 && <span>up {percent(share)} of the time</span>}
        {note && <span className="sb-subtle">{note}</span>}
      </div>
      <Strip name={name} segments={segments} since={since} now={now} />
      {error && <div className="sb-check-error">{error}</div>}
      {newest.some((c) => c.from !== '') && (
        <ExpandableSection toggleText={`What has happened to ${name === all ? 'it' : name}: ${changes.length === 1 ? 'one change' : `${changes.length} changes`}`} isIndented>
          <List isPlain>
            {newest.slice(0, 20).map((c) => (
              <ListItem key={`${c.at}${c.to}`}>
                <time dateTime={c.at}>{at(c.at)}</time> {changeText(c)}
                {c.error && <span className="sb-subtle"> {c.error}</span>}
              </ListItem>
            ))}
            {newest.length > 20 && <ListItem>and {newest.length - 20} older ones</ListItem>}
          </List>
        </ExpandableSection>
      )}
    </li>
  );
}
