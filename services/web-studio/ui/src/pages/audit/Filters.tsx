import { FormSelect, FormSelectOption, Label, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { api, ask } from '~/api/client';
import { TimeRange } from '~/ui';
import { actions, type Filter } from './words';

interface Props {
  filter: Filter;
  change: (next: Partial<Record<keyof Filter, string | undefined>>) => void;
}

/** What narrows the audit down. */
export function Filters({ filter, change }: Props) {
  const { data } = useQuery({ queryKey: ['instances'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/instances', { signal })) });
  const services = [...new Set([...(data?.instances ?? []).map((i) => i.service), ...(filter.service ? [filter.service] : [])])].sort();
  const [actor, setActor] = useState(filter.actor ?? '');
  useEffect(() => setActor(filter.actor ?? ''), [filter.actor]);
  return (
    <Toolbar>
      <ToolbarContent>
        <ToolbarItem>
          <TimeRange since={filter.since} until={filter.until} onChange={({ since, until }) => change({ since, until })} />
        </ToolbarItem>
        <ToolbarItem>
          <FormSelect aria-label="Service" value={filter.service ?? ''} onChange={(_, service) => change({ service })}>
            <FormSelectOption value="" label="Every service" />
            {services.map((name) => (
              <FormSelectOption key={name} value={name} label={name} />
            ))}
          </FormSelect>
        </ToolbarItem>
        <ToolbarItem>
          <FormSelect aria-label="Action" value={filter.action ?? ''} onChange={(_, action) => change({ action })}>
            <FormSelectOption value="" label="Every action" />
            {Object.entries(filter.action && !(filter.action in actions) ? { ...actions, [filter.action]: filter.action } : actions).map(([value, label]) => (
              <FormSelectOption key={value} value={value} label={label} />
            ))}
          </FormSelect>
        </ToolbarItem>
        <ToolbarItem>
          <SearchInput
            aria-label="Who: the whole name, or the subject"
            placeholder="Who, by the whole name"
            value={actor}
            onChange={(_, value) => setActor(value)}
            onSearch={() => change({ actor: actor.trim() })}
            onClear={() => change({ actor: '' })}
          />
        </ToolbarItem>
        {filter.subject && (
          <ToolbarItem alignSelf="center">
            <Label onClose={() => change({ subject: '' })} closeBtnAriaLabel="Of whatever lease">
              of {filter.subject.slice(0, 8)}…
            </Label>
          </ToolbarItem>
        )}
      </ToolbarContent>
    </Toolbar>
  );
}
