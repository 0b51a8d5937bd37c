import { Badge, Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { ActButton, PageFrame, useUrl } from '~/ui';
import { ChangeDialog } from './ChangeDialog';
import { type Draft, type Form, forms } from './draft';
import { LeaseDialog } from './LeaseDialog';
import { LeasesTab } from './LeasesTab';
import { LevelsTab } from './LevelsTab';
import { Profiles } from './Profiles';
import { useLeases } from './queries';
import type { Kind } from './words';
import './levels.css';

type Name = 'levels' | 'debug' | 'windows' | 'profiles' | 'leases';

/** Which form a tab opens, and which leases it counts. */
const tabs: [name: Name, title: string, form: Form, verb: string, kind?: Kind][] = [
  ['levels', 'Levels', 'level', 'Change a level…'],
  ['debug', 'Targeted debug', 'debug', 'Debug some requests…', 'debug'],
  ['windows', 'Maintenance windows', 'window', 'Open a window…', 'window'],
  ['profiles', 'Profiles', 'profile', 'Capture a profile…', 'profile'],
  ['leases', 'All leases', 'level', 'Change a level…'],
];

/** What is changed in the running mesh, by whom and for how long, and the changing of it. */
export default function Levels() {
  const [url, change] = useUrl<'tab' | 'lease' | 'do' | keyof Draft>();
  const active = useLeases({}).data?.leases ?? [];
  const [tab, , form, verb] = tabs.find(([name]) => name === url.tab) ?? (tabs[0] as (typeof tabs)[number]);
  const doing = forms.find((one) => one === url.do);
  const openLease = (lease: string) => change({ lease });
  const count = (name: Name, kind?: Kind) => (name === 'leases' ? active.length : kind ? active.filter((l) => l.kind === kind).length : 0);
  const content: Record<Name, () => ReactNode> = {
    levels: () => <LevelsTab onOpenLease={openLease} onChange={(to) => change({ do: 'level', ...to })} />,
    debug: () => <LeasesTab kind="debug" label="Targeted debug" empty={empty.debug} onOpen={openLease} />,
    windows: () => <LeasesTab kind="window" label="Maintenance windows" empty={empty.windows} onOpen={openLease} />,
    profiles: () => <Profiles />,
    leases: () => <LeasesTab label="Leases" empty={empty.leases} onOpen={openLease} />,
  };
  return (
    <PageFrame
      title="Levels and leases"
      lead="What is changed in the running mesh. Each change is a lease: it has an owner, a reason and an end."
      actions={
        <ActButton needs="operator" onClick={() => change({ do: form })}>
          {verb}
        </ActButton>
      }
    >
      <Tabs activeKey={tab} onSelect={(_, name) => change({ tab: name === 'levels' ? '' : String(name) })} aria-label="Kinds of changes" mountOnEnter unmountOnExit>
        {tabs.map(([name, title, , , kind]) => (
          <Tab
            key={name}
            eventKey={name}
            title={
              <TabTitleText>
                {title}
                {count(name, kind) > 0 && (
                  <Badge isRead className="sb-count" screenReaderText="active">
                    {count(name, kind)}
                  </Badge>
                )}
              </TabTitleText>
            }
          >
            {name === tab && <div className="sb-tab">{content[name]()}</div>}
          </Tab>
        ))}
      </Tabs>
      {doing && <ChangeDialog key={doing} kind={doing} given={given(url)} onClose={() => change(nothing)} onDone={(lease) => change({ ...nothing, lease })} />}
      {!doing && url.lease && <LeaseDialog key={url.lease} id={url.lease} onClose={() => change({ lease: '' })} />}
    </PageFrame>
  );
}

/** The texts of a form that the address may hold. */
const fields = ['service', 'instance', 'logger', 'level', 'ttl', 'reason', 'user', 'tenant', 'route', 'header', 'headerValue', 'trace', 'message', 'profile', 'seconds'] as const;

const nothing: Partial<Record<'do' | keyof Draft, string>> = { do: '', ...Object.fromEntries(fields.map((name) => [name, ''])) };

/** What the address says of a form, so that another page can lead to one that is filled in. */
function given(url: Partial<Record<keyof Draft, string>>): Partial<Record<keyof Draft, string>> {
  return Object.fromEntries(fields.flatMap((name) => (url[name] ? [[name, url[name]]] : [])));
}

const empty = {
  debug: {
    title: 'No request is picked out',
    command: 'signalbox debug --user 42 --for 10m --reason "ticket 1234"',
    teach: 'Pick out the requests of one user, a tenant, a route, a header or a trace: they alone log at DEBUG, in every service that they touch, and their lines carry the lease’s id.',
  },
  windows: {
    title: 'Nothing is out of service',
    command: 'signalbox window open catalogs --for 30m --reason "index is rebuilt"',
    teach: 'A window takes a service, or one instance, out of service for a time: nothing new is routed there, and callers are told why and for how long.',
  },
  leases: {
    title: 'Nothing is changed',
    command: 'signalbox level set catalogs debug --ttl 10m --reason "slow lists"',
    teach: 'A changed log level, a debugged user, a captured profile or a maintenance window is a lease: it stands here until it runs out by itself.',
  },
};
