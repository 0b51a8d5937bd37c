import { useCallback, useEffect, useRef, useState } from 'react';
import { api, ask } from '~/api/client';
import { follow, type StreamState } from '~/live/stream';
import { type Gap, LogList, most, type Row } from './list';
import type { LogRecord } from './terms';
import type { View } from './url';

const page = 200; // records at once: a window full, a few times over
const largest = 1000; // and the most that one answer has, for who reads on

export interface Records {
  rows: readonly Row[];
  /** How the tail stands; undefined: there is none. */
  stream?: StreamState;
  loading: boolean;
  error?: unknown;
  /** Loads what is older; undefined: there is no more. */
  more?: () => void;
  /** Time was up before all was looked through. */
  partial: boolean;
  /** Records that came while the tail was held; let() shows them. */
  held: number;
  let: () => void;
  reload: () => void;
}

type Range = Pick<View, 'q' | 'since' | 'until' | 'live' | 'around'>;

/**
 * The records of a view, page by page, and the new ones as they come. While hold is true, as when somebody reads further
 * down, new ones are counted and not shown.
 */
export function useRecords({ q, since, until, live, around }: Range, hold: boolean): Records {
  const [list, setList] = useState(() => new LogList());
  const [, draw] = useState(0);
  const [loading, setLoading] = useState(true);
  const [error, setError] = useState<unknown>();
  const [next, setNext] = useState<string>();
  const [partial, setPartial] = useState(false);
  const [stream, setStream] = useState<StreamState>();
  const [turn, setTurn] = useState(0);
  const waiting = useRef<{ records: LogRecord[]; gaps: Gap[] }>({ records: [], gaps: [] });
  const current = useRef<AbortSignal>(undefined); // ends with the view
  const holding = useRef(hold);
  holding.current = hold;

  const show = useCallback(() => {
    const { records, gaps } = waiting.current;
    waiting.current = { records: [], gaps: [] };
    list.newer(records, gaps);
    draw((n) => n + 1);
  }, [list]);

  const load = useCallback(
    async (into: LogList, cursor: string | undefined, signal: AbortSignal) => {
      setLoading(true);
      try {
        const time = around ? { around } : { since, until };
        const answer = await ask(api.GET('/api/maintenance/v1/logs', { params: { query: { q, ...time, limit: into.rows.length < largest ? page : largest, cursor } }, signal }));
        if (signal.aborted) return; // its cursor is of a view that is gone
        into.older(answer.records ?? [], answer.gaps ?? []);
        setNext(answer.next);
        setPartial(answer.partial ?? false);
        setError(undefined);
      } catch (thrown) {
        if (signal.aborted) return;
        setError(thrown);
      }
      setLoading(false);
      draw((n) => n + 1);
    },
    [q, since, until, around],
  );

  useEffect(() => {
    void turn;
    const ended = new AbortController();
    current.current = ended.signal;
    const fresh = new LogList();
    waiting.current = { records: [], gaps: [] };
    setList(fresh);
    setNext(undefined);
    setStream(undefined);
    let end = () => {};
    let frame = 0;
    void load(fresh, undefined, ended.signal).then(() => {
      if (!live || ended.signal.aborted) return;
      const url = `/api/maintenance/v1/logs/tail?${new URLSearchParams({ q, backlog: String(page), since })}`;
      const flush = () => {
        frame = 0;
        const { records, gaps } = waiting.current;
        if (!holding.current) {
          waiting.current = { records: [], gaps: [] };
          fresh.newer(records, gaps);
        }
        draw((n) => n + 1);
      };
      end = follow({
        url,
        onState: setStream,
        onEvent: ({ event, data }) => {
          if (event === 'record') {
            const record: LogRecord = JSON.parse(data);
            if (!fresh.has(record.id)) waiting.current.records.push(record);
            if (waiting.current.records.length > most) waiting.current.records.shift();
          } else if (event === 'gap') waiting.current.gaps.push(JSON.parse(data));
          frame ||= requestAnimationFrame(flush);
        },
      });
    });
    return () => {
      ended.abort();
      end();
      cancelAnimationFrame(frame);
    };
  }, [load, live, q, since, turn]);

  useEffect(() => {
    if (!hold && waiting.current.records.length + waiting.current.gaps.length > 0) show();
  }, [hold, show]);

  const asking = useRef<AbortSignal>(undefined);
  const more = useCallback(() => {
    const signal = current.current;
    if (!signal || asking.current === signal || !next) return;
    asking.current = signal;
    void load(list, next, signal).finally(() => {
      if (asking.current === signal) asking.current = undefined;
    });
  }, [load, list, next]);

  return {
    rows: list.rows, stream, loading, error, partial,
    more: next ? more : undefined,
    held: waiting.current.records.length,
    let: show,
    reload: () => setTurn((n) => n + 1),
  };
}
