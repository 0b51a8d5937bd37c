import { FormSelect, FormSelectOption, Switch, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { type ReactNode, useId } from 'react';
import { Answered, EmptyTeach, useUrl } from '~/ui';
import { LeaseTable } from './LeaseTable';
import { useLeases, useLevels } from './queries';
import { type Kind, kindNames } from './words';

interface Props {
  /** Leases of this kind alone; undefined: of all, and the kind can be chosen. */
  kind?: Kind;
  label: string;
  /** What stands there while nothing is leased. */
  empty: { title: string; teach: ReactNode; command: string };
  onOpen: (id: string) => void;
}

/** Leases with their countdown, those that have ended too if they are asked for. */
export function LeasesTab({ kind, label, empty, onOpen }: Props) {
  const id = useId();
  const [url, change] = useUrl<'kind' | 'of' | 'ended'>();
  const chosen = kind ?? (url.kind && url.kind in kindNames ? (url.kind as Kind) : undefined);
  const query = useLeases({ kind: chosen, service: url.of, ended: url.ended === '1' || undefined });
  const services = [...new Set([...(useLevels().data ?? []).map((l) => l.service), ...(url.of ? [url.of] : [])])].sort();
  return (
    <>
      <Toolbar>
        <ToolbarContent>
          {!kind && (
            <ToolbarItem>
              <FormSelect aria-label="Kind" value={chosen ?? ''} onChange={(_, value) => change({ kind: value })}>
                <FormSelectOption value="" label="Every kind" />
                {Object.entries(kindNames).map(([value, name]) => (
                  <FormSelectOption key={value} value={value} label={name} />
                ))}
              </FormSelect>
            </ToolbarItem>
          )}
          <ToolbarItem>
            <FormSelect aria-label="Service" value={url.of ?? ''} onChange={(_, of) => change({ of })}>
              <FormSelectOption value="" label="Every service" />
              {services.map((name) => (
                <FormSelectOption key={name} value={name} label={name} />
              ))}
            </FormSelect>
          </ToolbarItem>
          <ToolbarItem alignSelf="center">
            <Switch id={id} label="Those that have ended, too" isChecked={url.ended === '1'} onChange={(_, on) => change({ ended: on ? '1' : '' })} />
          </ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      <Answered query={query} what="the leases">
        {({ leases, next }) =>
          (leases ?? []).length === 0 ? (
            <EmptyTeach title={empty.title} command={empty.command}>
              {empty.teach}
            </EmptyTeach>
          ) : (
            <>
              <LeaseTable label={label} kinds={!kind} leases={leases ?? []} asked={query.dataUpdatedAt} onOpen={onOpen} />
              {next !== undefined && <p className="sb-faint sb-after">These are the newest {(leases ?? []).length}. Choose a kind or a service to see fewer.</p>}
            </>
          )
        }
      </Answered>
    </>
  );
}
