import { FormSelect, FormSelectOption, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { useInstances } from '~/pages/overview/queries';
import { Answered, bytes, CopyAs, EmptyTeach, PageFrame, Stale, useTyped, useUrl } from '~/ui';
import { condition, type Instance, type Order, rows, type Show, shows, type SortKey, sum } from './fleet';
import { FleetTable } from './FleetTable';
import './fleet.css';

/** The running instances, by their services: what is wrong first. */
export default function Fleet() {
  const [url, change] = useUrl<'q' | 'show' | 'sort'>();
  const [text, type] = useTyped(url.q ?? '', (q) => change({ q }, { replace: true }));
  const query = useInstances();
  const all = query.data?.instances ?? [];
  const show = url.show && url.show in shows ? (url.show as Show) : 'all';
  const order = toOrder(url.sort);
  const found = rows(all, { q: url.q, show, order }, query.dataUpdatedAt);
  return (
    <PageFrame title="Fleet" lead={query.data && <span role="status">{headline(all, query.dataUpdatedAt)}</span>} actions={query.isError && query.data ? <Stale since={query.dataUpdatedAt} why={query.error.message} /> : undefined}>
      <Toolbar>
        <ToolbarContent>
          <ToolbarItem>
            <SearchInput aria-label="Find instances" placeholder="Service, instance, version, health" value={text} onChange={(_, q) => type(q)} onClear={() => type('')} />
          </ToolbarItem>
          <ToolbarItem>
            <FormSelect aria-label="Which instances" value={show} onChange={(_, value) => change({ show: value === 'all' ? '' : value })}>
              {Object.entries(shows).map(([value, name]) => (
                <FormSelectOption key={value} value={value} label={name} />
              ))}
            </FormSelect>
          </ToolbarItem>
          <ToolbarItem className="sb-sort">
            <FormSelect aria-label="Order" value={url.sort ?? ''} onChange={(_, sort) => change({ sort })}>
              {Object.entries(orders).map(([value, name]) => (
                <FormSelectOption key={value} value={value} label={name} />
              ))}
            </FormSelect>
          </ToolbarItem>
          <ToolbarItem align={{ default: 'alignEnd' }}>
            <CopyAs
              forms={[
                { name: 'link', text: () => window.location.href },
                { name: 'CLI command', text: () => 'signalbox ps --all' },
                { name: 'JSON', text: () => JSON.stringify(found, null, 2) },
              ]}
            />
          </ToolbarItem>
        </ToolbarContent>
      </Toolbar>
      <Answered query={query} what="the instances">
        {() => {
          if (all.length === 0) {
            return (
              <EmptyTeach title="No instance has reported" command="signalbox ps">
                A service with the sidecar reports itself within seconds of its start. Your roles may be for services that do not run.
              </EmptyTeach>
            );
          }
          if (found.length === 0) {
            return (
              <EmptyTeach title={show === 'troubled' ? 'Nothing is in trouble' : 'No instance is like that'} small>
                {show === 'troubled' ? 'Every instance is heard, all of its checks are well, and it is as it should be.' : 'Services, instances, versions, addresses, health and failing checks are looked through; each word must be found.'}
              </EmptyTeach>
            );
          }
          return <FleetTable instances={found} all={all} now={query.dataUpdatedAt} order={order} onOrder={(next) => change({ sort: fromOrder(next) })} />;
        }}
      </Answered>
    </PageFrame>
  );
}

/** Orders that a narrow window, whose table has no head, can choose. */
const orders: Record<string, string> = { '': 'What is wrong first', service: 'By service', '-memory': 'Most memory first', '-goroutines': 'Most goroutines first', uptime: 'Newest first', '-uptime': 'Oldest first' };

/** "-memory": the most first. */
function toOrder(text = ''): Order {
  const by = text.replace(/^-/, '') as SortKey;
  return { by: ['service', 'version', 'uptime', 'memory', 'goroutines'].includes(by) ? by : 'health', desc: text.startsWith('-') };
}

const fromOrder = ({ by, desc }: Order) => (by === 'health' && !desc ? '' : `${desc ? '-' : ''}${by}`);

function headline(all: Instance[], now: number): string {
  const lost = all.filter((i) => condition(i, now) === 'lost').length;
  const { running, services, processes, memory, shared } = sum(all);
  const of = (n: number, what: string) => `${n} ${n === 1 ? what : `${what}s`}`;
  const takes = memory > 0 ? `, in ${bytes(memory)} of memory` : '';
  return `${of(running, 'instance')} of ${of(services, 'service')}${shared ? ` in ${processes === 1 ? 'one process' : `${processes} processes`}` : ''}${takes}${lost > 0 ? `; ${of(lost, 'instance')} lost` : ''}.`;
}
