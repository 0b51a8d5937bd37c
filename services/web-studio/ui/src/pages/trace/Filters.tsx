import { Button, FormSelect, FormSelectOption, SearchInput } from '@patternfly/react-core';
import { type FormEvent, useState } from 'react';

interface Props {
  q: string;
  level: string;
  onChange: (to: { q?: string; level?: string }) => void;
}

/** Chooses among the log lines of the trace, by the language of the log; its spans stay. */
export function Filters({ q, level, onChange }: Props) {
  const [text, setText] = useState(q);
  const search = (event: FormEvent) => {
    event.preventDefault();
    onChange({ q: text.trim() });
  };
  return (
    <form className="sb-trace-filters" role="search" aria-label="Log lines of the trace" onSubmit={search}>
      <SearchInput className="sb-trace-query" aria-label="Query for log lines" placeholder={'service:catalogs "connection refused"'} value={text} onChange={(_, value) => setText(value)} onClear={() => onChange({ q: '' })} />
      <FormSelect className="sb-trace-level" aria-label="Level" value={level} onChange={(_, value) => onChange({ q: text.trim(), level: value })}>
        <FormSelectOption value="" label="Every level" />
        <FormSelectOption value="info" label="INFO and above" />
        <FormSelectOption value="warn" label="WARN and above" />
        <FormSelectOption value="error" label="ERROR and above" />
      </FormSelect>
      <Button type="submit" variant="secondary">
        Filter lines
      </Button>
    </form>
  );
}
