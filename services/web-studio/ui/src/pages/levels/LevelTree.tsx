import { Button } from '@patternfly/react-core';
import AngleDownIcon from '@patternfly/react-icons/dist/esm/icons/angle-down-icon';
import AngleRightIcon from '@patternfly/react-icons/dist/esm/icons/angle-right-icon';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { type ReactNode, useState } from 'react';
import { ActButton, LevelLabel } from '~/ui';
import { DropLease } from './DropLease';
import { Remaining } from './Remaining';
import { type Reset, reset } from './reset';
import type { Level, Row, Service } from './tree';
import type { Lease } from './words';

interface Props {
  services: Service[];
  leases: Lease[];
  /** When the levels were asked for, by this browser's clock. */
  asked: number;
  isOpen: (key: string) => boolean;
  onToggle: (key: string) => void;
  onChange: (to: { service: string; logger: string; instance: string }) => void;
  onOpenLease: (id: string) => void;
}

/** Services, their loggers, and where there are several instances each one of them. */
export function LevelTree(props: Props) {
  const [resetting, setResetting] = useState<Reset>();
  const [said, setSaid] = useState('');
  const { services, isOpen } = props;
  const shared = { ...props, onReset: setResetting };
  return (
    <>
      <span role="status" className="pf-v6-screen-reader">
        {said}
      </span>
      <Table aria-label="Levels" variant="compact" gridBreakPoint="grid-lg" className="sb-levels">
        <Thead>
          <Tr>
            <Th width={30}>Service, logger, instance</Th>
            <Th modifier="nowrap">Configured</Th>
            <Th>Leased</Th>
            <Th>Effective</Th>
            <Th width={20}>By</Th>
            <Th screenReaderText="Acts" />
          </Tr>
        </Thead>
        {services.map((s) => (
          <Tbody key={s.service}>
            <One {...shared} row={s.root} opens note={`${s.instances.length} ${s.instances.length === 1 ? 'instance' : 'instances'}${s.changed > 0 ? `, ${s.changed} changed` : ''}`} />
            {isOpen(s.service) && s.instances.length > 1 && s.root.levels.map((l) => <Instance key={l.instance} {...shared} row={s.root} level={l} />)}
            {isOpen(s.service) && s.loggers.flatMap((row) => [<One key={row.key} {...shared} row={row} opens={s.instances.length > 1} />, ...(isOpen(row.key) && s.instances.length > 1 ? row.levels.map((l) => <Instance key={`${row.key}/${l.instance}`} {...shared} row={row} level={l} />) : [])])}
          </Tbody>
        ))}
      </Table>
      {resetting && <DropLease leases={resetting.leases} stays={resetting.stays} onDone={(all) => setSaid(all.join('. '))} onClose={() => setResetting(undefined)} />}
    </>
  );
}

interface Shared extends Props {
  row: Row;
  onReset: (what: Reset) => void;
}

function One({ row, opens, note, ...p }: Shared & { opens?: boolean; note?: string }) {
  const open = p.isOpen(row.key);
  const name = row.logger || row.service;
  return (
    <Tr className={row.logger ? undefined : 'sb-service'}>
      <Td dataLabel={row.logger ? 'Logger' : 'Service'}>
        <Name depth={row.depth}>
          {opens ? (
            <Button variant="plain" size="sm" icon={open ? <AngleDownIcon /> : <AngleRightIcon />} aria-expanded={open} aria-label={row.logger ? `Instances of ${name}` : `Loggers of ${name}`} onClick={() => p.onToggle(row.key)} />
          ) : (
            <span className="sb-no-toggle" />
          )}
          <span>
            {row.logger ? <code>{name}</code> : <strong>{name}</strong>}
            {note && <div className="sb-faint">{note}</div>}
          </span>
        </Name>
      </Td>
      <Levels configured={row.configured} leased={row.leased} effective={row.effective} />
      <Td dataLabel="By">
        <By levels={row.held} {...p} />
      </Td>
      <Acts {...p} name={name} target={{ service: row.service, logger: row.logger, instance: '' }} what={reset(row, p.leases)} />
    </Tr>
  );
}

function Instance({ row, level, ...p }: Shared & { level: Level }) {
  return (
    <Tr>
      <Td dataLabel="Instance">
        <Name depth={row.depth + 1}>
          <span className="sb-no-toggle" />
          <span>{level.instance}</span>
        </Name>
      </Td>
      <Levels configured={level.configured} leased={level.leased} effective={level.effective} />
      <Td dataLabel="By">
        <By levels={level.lease_id ? [level] : []} {...p} />
      </Td>
      <Acts {...p} name={`${row.logger || row.service} on ${level.instance}`} target={{ service: row.service, logger: row.logger, instance: level.instance }} what={reset(row, p.leases, level)} />
    </Tr>
  );
}

function Name({ depth, children }: { depth: number; children: ReactNode }) {
  return (
    <div className="sb-name" style={{ paddingInlineStart: `${depth * 1.25}rem` }}>
      {children}
    </div>
  );
}

function Levels({ configured, leased, effective }: { configured: string; leased?: string; effective: string }) {
  return (
    <>
      <Td dataLabel="Configured">{configured || '—'}</Td>
      <Td dataLabel="Leased">{leased ?? '—'}</Td>
      <Td dataLabel="Effective">
        <span className="sb-effective">{effective ? effective.split(', ').map((level) => <LevelLabel key={level} level={level} />) : '—'}</span>
      </Td>
    </>
  );
}

/** Which leases make the level, each with its countdown and its owner. */
function By({ levels, asked, onOpenLease }: Pick<Shared, 'asked' | 'onOpenLease'> & { levels: Level[] }) {
  return levels.slice(0, 3).map((l) => (
    <div key={l.lease_id}>
      {l.lease_id?.startsWith('local-') ? (
        <span>set on the instance itself{l.owner && `, by ${l.owner}`}</span>
      ) : (
        <Button variant="link" isInline onClick={() => l.lease_id && onOpenLease(l.lease_id)}>
          {l.remaining_ms || l.keep ? <Remaining ms={l.remaining_ms ?? 0} asked={asked} keep={l.keep} /> : 'ending'}
          {l.owner && `, ${l.owner}`}
        </Button>
      )}
      {l.reason && <div className="sb-faint">{l.reason}</div>}
    </div>
  ));
}

function Acts({ name, target, what, onChange, onReset }: Pick<Shared, 'onChange' | 'onReset'> & { name: string; target: { service: string; logger: string; instance: string }; what?: Reset }) {
  return (
    <Td modifier="fitContent">
      <span className="sb-acts">
        <ActButton needs="operator" service={target.service} variant="link" size="sm" onClick={() => onChange(target)} aria-label={`Change the level of ${name}`}>
          Change…
        </ActButton>
        {what && (
          <ActButton needs="operator" service={target.service} unless={what.why} variant="link" size="sm" onClick={() => onReset(what)} aria-label={`Reset the level of ${name}`}>
            Reset…
          </ActButton>
        )}
      </span>
    </Td>
  );
}
