import { Label } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, type ThProps, Tr } from '@patternfly/react-table';
import { Link } from '@tanstack/react-router';
import { bytes, count, duration, HealthLabel, LevelLabel, RelativeTime, useNow } from '~/ui';
import { checks, condition, type Instance, type Order, sharing, type SortKey } from './fleet';

interface Props {
  instances: Instance[];
  /** Those that are not shown too: they may share a process. */
  all: Instance[];
  /** When they were asked for. */
  now: number;
  order: Order;
  onOrder: (order: Order) => void;
}

const columns: [name: string, key?: SortKey][] = [['Instance', 'service'], ['Health', 'health'], ['Version', 'version'], ['Uptime', 'uptime'], ['Memory', 'memory'], ['Goroutines', 'goroutines'], ['Level']];

/** One row an instance. */
export function FleetTable({ instances, all, now, order, onOrder }: Props) {
  const sort = (columnIndex: number, key: SortKey): ThProps['sort'] => ({
    columnIndex,
    sortBy: { index: columns.findIndex(([, k]) => k === order.by), direction: order.desc ? 'desc' : 'asc' },
    onSort: (_, __, direction) => onOrder({ by: key, desc: key === order.by ? direction === 'desc' : key === 'memory' || key === 'goroutines' }),
  });
  const shared = instances.some((i) => sharing(i, all).length > 0);
  return (
    <>
      <Table aria-label="Instances" variant="compact" gridBreakPoint="grid-lg">
        <Thead>
          <Tr>
            {columns.map(([name, key], i) => (
              <Th key={name} modifier="nowrap" width={name === 'Health' ? 30 : undefined} sort={key && sort(i, key)}>
                {name}
              </Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {instances.map((i) => (
            <Row key={`${i.service}/${i.instance}`} one={i} now={now} />
          ))}
        </Tbody>
      </Table>
      {shared && <p className="sb-subtle sb-fleet-note">Instances that share a process tell the same memory and goroutines: those of the process. The sum above counts it once.</p>}
    </>
  );
}

function Row({ one, now }: { one: Instance; now: number }) {
  const is = condition(one, now);
  const live = one.state === 'live';
  return (
    <Tr className={is === 'stopped' || is === 'gone' ? 'sb-gone' : undefined}>
      <Td dataLabel="Instance">
        <Link to="/fleet/$instance" params={{ instance: one.instance } as never} search={{ service: one.service } as never}>
          {one.instance}
        </Link>
        {!one.instance.startsWith(one.service) && <div className="sb-subtle">{one.service}</div>}
        <div className="sb-address">{one.address}</div>
      </Td>
      <Td dataLabel="Health">
        <HealthLabel health={is} />
        <Reason one={one} />
      </Td>
      <Td dataLabel="Version" modifier="breakWord">{one.version || '—'}</Td>
      <Td dataLabel="Uptime" modifier="nowrap">{live && one.started_at ? <Uptime since={one.started_at} /> : '—'}</Td>
      <Td dataLabel="Memory" modifier="nowrap">{live && one.usage?.memory_bytes ? bytes(one.usage.memory_bytes) : '—'}</Td>
      <Td dataLabel="Goroutines">{live && one.usage ? count(one.usage.goroutines) : '—'}</Td>
      <Td dataLabel="Level">
        {one.level ? <LevelLabel level={one.level} /> : '—'}
        <Drift one={one} />
      </Td>
    </Tr>
  );
}

/** Why it is not well: checks that fail with what they say, or since when it is not heard. */
function Reason({ one }: { one: Instance }) {
  if (one.state !== 'live') {
    return (
      <div className="sb-subtle">
        heard <RelativeTime ts={one.heard_at} />
      </div>
    );
  }
  const all = checks(one);
  const failing = all.filter((c) => c.status !== 'up');
  if (failing.length === 0) return <div className="sb-subtle sb-well">{all.length === 1 ? 'its check is well' : `all ${all.length} checks`}</div>;
  return (
    <ul className="sb-failing">
      {failing.slice(0, 3).map((c) => (
        <li key={c.name} title={c.error}>
          {c.name}: {c.error || c.status}
        </li>
      ))}
      {failing.length > 3 && <li>and {failing.length - 3} more</li>}
    </ul>
  );
}

/** What is not there as it should be, under the level that there is. */
function Drift({ one }: { one: Instance }) {
  const drift = one.drift ?? [];
  if (drift.length === 0) return null;
  return (
    <div className="sb-drift">
      <Label isCompact variant="outline" status="warning">
        drift: {drift[0]?.what}
      </Label>
      {drift.length > 1 && <span className="sb-subtle"> and {drift.length - 1} more</span>}
    </div>
  );
}

export function Uptime({ since }: { since: string }) {
  const now = useNow(5_000);
  return <span title={since}>{duration(Math.max(1000, now - Date.parse(since)))}</span>;
}
