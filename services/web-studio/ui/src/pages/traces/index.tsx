import { Card, CardBody, CardHeader, CardTitle, FormSelect, FormSelectOption, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';
import { PageFrame, TimeRange, useUrl } from '~/ui';
import { FailedTraces } from './FailedTraces';
import { Find } from './Find';
import './traces.css';

/** To one trace by its id, or by what failed lately. */
export default function Traces() {
  const [{ since = '1h', service }, change] = useUrl<'since' | 'service'>();
  return (
    <PageFrame title="Traces" lead="The way of one request through all services: its spans, and in each of them what was logged there.">
      <div className="sb-traces">
        <Card component="section" aria-label="Find a trace">
          <CardHeader>
            <CardTitle component="h2">Find a trace</CardTitle>
          </CardHeader>
          <CardBody>
            <Find />
          </CardBody>
        </Card>
        <Card component="section" aria-label="Traces with errors">
          <CardHeader>
            <CardTitle component="h2">Traces with errors</CardTitle>
          </CardHeader>
          <CardBody>
            <Toolbar inset={{ default: 'insetNone' }}>
              <ToolbarContent>
                <ToolbarItem>
                  <Services value={service} onChange={(name) => change({ service: name })} />
                </ToolbarItem>
                <ToolbarItem>
                  <TimeRange since={since} onChange={(range) => change({ since: range.since === '1h' ? '' : range.since })} />
                </ToolbarItem>
              </ToolbarContent>
            </Toolbar>
            <FailedTraces since={since} service={service} />
          </CardBody>
        </Card>
      </div>
    </PageFrame>
  );
}

/** The service whose errors are shown. */
function Services({ value, onChange }: { value?: string; onChange: (name: string) => void }) {
  const known = useQuery({ queryKey: ['topology'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/topology', { signal })), staleTime: 60_000 }).data;
  const names = (known?.nodes ?? []).flatMap((n) => (n.kind === 'service' ? [n.name] : []));
  const all = [...new Set(value ? [...names, value] : names)].sort();
  return (
    <FormSelect aria-label="Service" className="sb-traces-service" value={value ?? ''} onChange={(_, name) => onChange(name)}>
      <FormSelectOption value="" label="Every service" />
      {all.map((name) => (
        <FormSelectOption key={name} value={name} label={name} />
      ))}
    </FormSelect>
  );
}
