import { FormSelect, FormSelectOption, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { api, ask } from '~/api/client';
import { useTyped } from '~/ui';
import type { Filter } from './queries';
import { conditions } from './words';

interface Props {
  filter: Filter;
  change: (next: Partial<Record<keyof Filter, string | undefined>>, options?: { replace?: boolean }) => void;
}

const patience = 250; // milliseconds after the last key

/** What narrows the list down. */
export function Filters({ filter, change }: Props) {
  const { data } = useQuery({ queryKey: ['instances'], queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/instances', { signal })) });
  const services = [...new Set([...(data?.instances ?? []).map((i) => i.service), ...(filter.service ? [filter.service] : [])])].sort();
  const [text, type] = useTyped(filter.q ?? '', (q) => change({ q }, { replace: true }), patience);
  return (
    <Toolbar>
      <ToolbarContent>
        <ToolbarItem>
          <SearchInput aria-label="Part of the name" placeholder="Part of the name" value={text} onChange={(_, value) => type(value)} onClear={() => type('')} />
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
          <FormSelect aria-label="State" value={filter.is ?? ''} onChange={(_, is) => change({ is })}>
            <FormSelectOption value="" label="Every state" />
            {Object.entries(conditions).map(([value, label]) => (
              <FormSelectOption key={value} value={value} label={label} />
            ))}
          </FormSelect>
        </ToolbarItem>
      </ToolbarContent>
    </Toolbar>
  );
}
