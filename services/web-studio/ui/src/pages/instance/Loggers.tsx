import { ExpandableSection } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { Link } from '@tanstack/react-router';
import { type Instance, loggers, type Logger } from '~/pages/fleet/fleet';
import { LevelLabel } from '~/ui';

/** The loggers there: those that somebody has changed, and the root, then all. */
export function Loggers({ instance }: { instance: Instance }) {
  const all = [...loggers(instance)].sort((a, b) => (a.name ?? '').localeCompare(b.name ?? ''));
  const first = all.filter((l) => !l.name || l.leased || l.effective !== l.configured);
  const rest = all.filter((l) => !first.includes(l));
  return (
    <>
      <Rows label="Loggers" instance={instance} loggers={first} />
      {rest.length > 0 && (
        <ExpandableSection toggleText={`${rest.length} more, at the level that is configured`} isIndented>
          <Rows label="More loggers" instance={instance} loggers={rest} />
        </ExpandableSection>
      )}
    </>
  );
}

function Rows({ label, instance, loggers }: { label: string; instance: Instance; loggers: Logger[] }) {
  return (
    <Table aria-label={label} variant="compact" gridBreakPoint="grid-md">
      <Thead>
        <Tr>
          <Th>Logger</Th>
          <Th modifier="nowrap">Configured</Th>
          <Th>Effective</Th>
          <Th screenReaderText="Change it" />
        </Tr>
      </Thead>
      <Tbody>
        {loggers.map((l) => (
          <Tr key={l.name ?? ''}>
            <Td dataLabel="Logger" modifier="breakWord">
              {l.name ? <code>{l.name}</code> : 'all (the root)'}
            </Td>
            <Td dataLabel="Configured">{l.configured}</Td>
            <Td dataLabel="Effective">
              <LevelLabel level={l.effective} /> {l.leased && <span className="sb-subtle">leased</span>}
            </Td>
            <Td modifier="fitContent">
              <Link to="/levels" search={{ do: 'level', service: instance.service, instance: instance.instance, logger: l.name } as never} aria-label={`Change the level of ${l.name || 'all loggers'}`}>
                Change…
              </Link>
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}
