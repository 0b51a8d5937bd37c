import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ErrorSentence } from './ErrorSentence';
import { Loading } from './Loading';
import { Stale } from './Stale';

interface Props<T> {
  query: UseQueryResult<T>;
  /** What is asked for, in the plural: "the schedules". */
  what: string;
  children: (data: T) => ReactNode;
}

/** The four ways of a query: it loads, it failed, it is old because it failed since, it is there. */
export function Answered<T>({ query, what, children }: Props<T>) {
  if (query.data === undefined && query.isError) {
    return <ErrorSentence error={query.error} what={`${what.charAt(0).toUpperCase()}${what.slice(1)} could not be loaded`} onRetry={() => void query.refetch()} />;
  }
  if (query.data === undefined) return <Loading what={what} />;
  return (
    <>
      {query.isError && <Stale since={query.dataUpdatedAt} why={query.error.message} />}
      {children(query.data)}
    </>
  );
}
