import { authorized } from '~/api/client';
import { ApiError, toApiError } from '~/api/problem';
import { EventParser, type ServerEvent } from './sse';

/**
 * How a stream stands. stale: the connection is gone since then, and what is shown is as of then; it is being opened again.
 * refused: the mesh said no, and will again.
 */
export type StreamState = { kind: 'connecting' } | { kind: 'live' } | { kind: 'stale'; since: number } | { kind: 'refused'; error: ApiError };

export interface StreamSettings {
  /** With its query: /api/maintenance/v1/logs/tail?q=… */
  url: string;
  /** The place to go on behind; undefined: the stream's own beginning. */
  after?: string;
  onEvent: (event: ServerEvent) => void;
  onState?: (state: StreamState) => void;
}

/** Times in milliseconds. */
const silence = 25_000; // the mesh sends a heartbeat every 10 s
const firstWait = 250;
const longestWait = 10_000;

/**
 * Follows a stream of server-sent events until the returned end is called. It carries the token in a header, which the
 * browser's EventSource cannot, comes again where it was cut off (Last-Event-ID), and waits longer each time it fails.
 */
export function follow({ url, after, onEvent, onState }: StreamSettings): () => void {
  const ended = new AbortController();
  let place = after;
  let heard = Date.now(); // by whatever connection

  async function once(): Promise<void> {
    const cut = new AbortController();
    const stop = () => cut.abort();
    ended.signal.addEventListener('abort', stop);
    const asked = Date.now();
    const watch = setInterval(() => Date.now() - Math.max(asked, heard) > silence && stop(), 5_000);
    try {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (place !== undefined) headers['Last-Event-ID'] = place;
      const response = await authorized(new Request(url, { headers, signal: cut.signal, cache: 'no-store' }));
      if (!response.ok || !response.body) throw toApiError(response.status, await response.json().catch(() => undefined), response.headers);
      heard = Date.now();
      onState?.({ kind: 'live' });
      const parser = new EventParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done || ended.signal.aborted) return;
        heard = Date.now();
        for (const event of parser.push(decoder.decode(value, { stream: true }))) {
          if (event.id !== undefined) place = event.id;
          onEvent(event);
        }
      }
    } finally {
      clearInterval(watch);
      ended.signal.removeEventListener('abort', stop);
    }
  }

  async function run(): Promise<void> {
    let wait = firstWait;
    onState?.({ kind: 'connecting' });
    while (!ended.signal.aborted) {
      const began = Date.now();
      const failure = await once().then(
        () => undefined,
        (error: unknown) => error,
      );
      if (ended.signal.aborted) return;
      if (failure instanceof ApiError && !failure.passing && failure.status !== 401) {
        onState?.({ kind: 'refused', error: failure });
        return;
      }
      if (Date.now() - began > longestWait) wait = firstWait; // it had held
      if (failure !== undefined) onState?.({ kind: 'stale', since: heard });
      await pause(wait * (0.75 + Math.random() / 2), ended.signal);
      wait = Math.min(wait * 2, longestWait);
    }
  }

  void run();
  return () => ended.abort();
}

/** Waits; the page's return to the network ends the wait. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    window.addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}
