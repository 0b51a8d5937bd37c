import { QueryClient } from '@tanstack/react-query';
import { ApiError } from '~/api/problem';
import { session } from '~/session/session';

/** What is asked for is kept while it is fresh, asked for again when the window is looked at, and forgotten with the session. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      networkMode: 'always', // what cannot be asked for fails, and what is shown is called stale; else it would wait without a word
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && error instanceof ApiError && error.passing,
      retryDelay: (failures) => Math.min(500 * 2 ** failures, 5_000),
    },
  },
});

session.subscribe(() => {
  if (session.snapshot() === 'out') queries.clear();
});
