import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback } from 'react';

/**
 * What a page shows, kept in its address, so that every view is a link: [values, change]. All values are texts. change
 * merges; undefined or '' takes a value out. `replace` leaves the history alone, for what changes while somebody types.
 */
export function useUrl<Key extends string>(): [Partial<Record<Key, string>>, (values: Partial<Record<Key, string | undefined>>, options?: { replace?: boolean }) => void] {
  const values = useSearch({ strict: false }) as Partial<Record<Key, string>>;
  const navigate = useNavigate();
  const change = useCallback(
    (next: Partial<Record<Key, string | undefined>>, options?: { replace?: boolean }) => {
      void navigate({
        to: '.',
        replace: options?.replace,
        search: ((before: Record<string, string>) => {
          const merged: Record<string, string | undefined> = { ...before, ...next };
          return Object.fromEntries(Object.entries(merged).filter(([, v]) => v !== undefined && v !== ''));
        }) as never,
      });
    },
    [navigate],
  );
  return [values, change];
}
