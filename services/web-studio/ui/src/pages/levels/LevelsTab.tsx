import { SearchInput, Switch, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { Answered, EmptyTeach, useTyped, useUrl } from '~/ui';
import { LevelTree } from './LevelTree';
import { useLeases, useLevels } from './queries';
import { build, filter } from './tree';

interface Props {
  onChange: (to: { service: string; logger: string; instance: string }) => void;
  onOpenLease: (id: string) => void;
}

/** The tree of levels with what narrows it down; what is open stands in the address. */
export function LevelsTab({ onChange, onOpenLease }: Props) {
  const [url, change] = useUrl<'q' | 'changed' | 'open'>();
  const [text, type] = useTyped(url.q ?? '', (q) => change({ q }, { replace: true }));
  const query = useLevels();
  const leases = useLeases({}).data?.leases ?? [];
  const open = new Set((url.open ?? '').split(',').filter(Boolean));
  const toggle = (key: string) => {
    if (!open.delete(key)) open.add(key);
    change({ open: [...open].join(',') }, { replace: true });
  };
  return (
    <>
      <Toolbar>
        <ToolbarContent>
          <ToolbarItem>
            <SearchInput aria-label="Find a service, a logger or an instance" placeholder="Service, logger or instance" value={text} onChange={(_, q) => type(q)} onClear={() => type('')} />
          </ToolbarItem>
          <ToolbarItem alignSelf="center">
            <Switch id="changed" label="Only what is changed" isChecked={url.changed === '1'} onChange={(_, on) => change({ changed: on ? '1' : '' })} />
          </ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      <Answered query={query} what="the levels">
        {(levels) => {
          const all = build(levels);
          const found = filter(all, { q: url.q, changed: url.changed === '1' });
          if (all.length === 0) {
            return (
              <EmptyTeach title="No instance has reported its levels" command="signalbox level get">
                A service with the sidecar reports its loggers within seconds of its start. Your roles may be for services that do not run.
              </EmptyTeach>
            );
          }
          if (found.length === 0) {
            return (
              <EmptyTeach title={url.changed === '1' ? 'No level is changed' : 'Nothing has that name'} small>
                {url.changed === '1' ? 'Every logger is at the level that is configured. A lease changes it for a time, and shows here.' : 'Services, loggers and instances are looked through, by any part of their names.'}
              </EmptyTeach>
            );
          }
          const narrowed = Boolean(url.q) || url.changed === '1';
          return (
            <>
              <LevelTree services={found} leases={leases} asked={query.dataUpdatedAt} isOpen={(key) => open.has(key) !== (narrowed && !key.includes(':'))} onToggle={toggle} onChange={onChange} onOpenLease={onOpenLease} />
              <p className="sb-faint sb-after">As each instance last reported; it reports every few seconds.</p>
            </>
          );
        }}
      </Answered>
    </>
  );
}
