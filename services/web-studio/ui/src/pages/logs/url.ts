import { useCallback, useMemo } from 'react';
import { useUrl } from '~/ui';

/** What the page shows, as its address has it. */
export interface View {
  /** The query. */
  q: string;
  since: string;
  until?: string;
  /** New records come by themselves. */
  live: boolean;
  /** The id of a record around which the log is shown, instead of a time. */
  around?: string;
  /** Attributes that have a column. */
  columns: string[];
  wrap: boolean;
  patterns: boolean;
}

type Key = 'q' | 'since' | 'until' | 'live' | 'around' | 'columns' | 'wrap' | 'view';

/** The view, and how to change it. Each change is a step in the history. */
export function useView(): [View, (change: Partial<View>) => void] {
  const [values, set] = useUrl<Key>();
  const { q = '', since = '1h', until, live, around, columns = '', wrap, view } = values;
  const now = useMemo<View>(
    () => ({ q, since, until, live: live === '1' && !around, around, columns: columns.split(',').filter(Boolean), wrap: wrap === '1', patterns: view === 'patterns' }),
    [q, since, until, live, around, columns, wrap, view],
  );
  const change = useCallback(
    (c: Partial<View>) => {
      const next: Partial<Record<Key, string | undefined>> = {};
      if ('q' in c) next.q = c.q;
      if ('since' in c) next.since = c.since === '1h' ? undefined : c.since;
      if ('until' in c) next.until = c.until;
      if ('live' in c) next.live = c.live ? '1' : undefined;
      if ('around' in c) next.around = c.around;
      if ('columns' in c) next.columns = c.columns?.join(',');
      if ('wrap' in c) next.wrap = c.wrap ? '1' : undefined;
      if ('patterns' in c) next.view = c.patterns ? 'patterns' : undefined;
      set(next);
    },
    [set],
  );
  return [now, change];
}
