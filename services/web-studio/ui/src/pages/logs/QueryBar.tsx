import { Button, TextInput } from '@patternfly/react-core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type KeyboardEvent, type RefObject, useEffect, useId, useRef, useState } from 'react';
import { api, ask } from '~/api/client';
import { fill, levels, names, type Place, place } from './complete';
import { quote } from './terms';

interface Props {
  query: string;
  /** The time within which values are looked up. */
  since: string;
  until?: string;
  /** Names of attributes that were seen. */
  attributes: Iterable<string>;
  onSearch: (query: string) => void;
  /** Where the keyboard's / leads to. */
  field: RefObject<HTMLInputElement | null>;
}

/** The query, with completion of fields and values. Enter searches. */
export function QueryBar({ query, since, until, attributes, onSearch, field }: Props) {
  const id = useId();
  const [text, setText] = useState(query);
  const [spot, setSpot] = useState<Place>();
  const [picked, setPicked] = useState(-1);
  useEffect(() => setText(query), [query]);
  const values = useValues(spot, since, until);
  const choices = spot?.kind === 'name' ? names(spot.prefix, attributes) : values;
  const open = spot !== undefined && choices.length > 0;
  const caret = useRef<number>(undefined);

  useEffect(() => {
    if (caret.current === undefined) return;
    field.current?.setSelectionRange(caret.current, caret.current);
    caret.current = undefined;
  });

  const look = (value: string, at: number | null) => {
    setText(value);
    setSpot(place(value, at ?? value.length));
    setPicked(-1);
  };
  const take = (choice: string) => {
    if (!spot) return;
    const filled = fill(text, spot, spot.kind === 'value' && !/^[\w.:/@+-]+$/.test(choice) ? quote(choice) : choice);
    caret.current = filled.caret;
    look(filled.query, filled.caret);
    field.current?.focus();
  };
  const search = (event: FormEvent) => {
    event.preventDefault();
    setSpot(undefined);
    onSearch(text.trim());
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === 'Escape') setSpot(undefined);
    else if (open && event.key === 'ArrowDown') setPicked((picked + 1) % choices.length);
    else if (open && event.key === 'ArrowUp') setPicked(picked <= 0 ? choices.length - 1 : picked - 1);
    else if (open && event.key === 'Tab' && !event.shiftKey && picked >= 0) take(choices[picked] as string);
    else if (open && event.key === 'Enter' && picked >= 0) take(choices[picked] as string);
    else return;
    if (event.key !== 'Escape') event.preventDefault();
  };

  return (
    <form className="sb-query" role="search" onSubmit={search}>
      <TextInput
        ref={field}
        type="text"
        aria-label="Query"
        placeholder={'level>=warn service:catalogs "connection refused"'}
        value={text}
        role="combobox"
        aria-expanded={open}
        aria-controls={`${id}-choices`}
        aria-autocomplete="list"
        aria-activedescendant={picked >= 0 ? `${id}-${picked}` : undefined}
        spellCheck={false}
        autoComplete="off"
        onChange={(event, value) => look(value, event.currentTarget.selectionStart)}
        onClick={(event) => look(text, event.currentTarget.selectionStart)}
        onBlur={() => setSpot(undefined)}
        onKeyDown={key}
      />
      <ul id={`${id}-choices`} role="listbox" aria-label="Completions" className="sb-choices" hidden={!open}>
        {choices.map((choice, i) => (
          <li key={choice} id={`${id}-${i}`} role="option" aria-selected={i === picked} onPointerDown={(event) => event.preventDefault()} onClick={() => take(choice)}>
            {choice}
          </li>
        ))}
      </ul>
      <Button type="submit">Search</Button>
    </form>
  );
}

/** The values that a field has, the most frequent first, as far as they begin so. */
function useValues(spot: Place | undefined, since: string, until?: string): string[] {
  const field = spot?.kind === 'value' ? spot.field : '';
  const countable = field !== '' && field !== 'level' && field !== 'ts' && field !== 'msg';
  const query = useQuery({
    queryKey: ['logs', 'values', field, since, until],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/logs/top-values', { params: { query: { field, since, until, limit: 50 } }, signal })),
    enabled: countable,
    staleTime: 30_000,
    retry: false,
  });
  if (!spot || field === '') return [];
  const all = field === 'level' ? levels : (query.data?.values ?? []).map((v) => v.value);
  const low = spot.prefix.toLowerCase();
  return all.filter((v) => v.toLowerCase().startsWith(low) && v !== spot.prefix).slice(0, 12);
}
