import { Button } from '@patternfly/react-core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useRef, useState } from 'react';
import { Loading } from '~/ui';
import { GapRow } from './GapRow';
import type { Row } from './list';
import { RecordRow } from './RecordRow';
import type { Field, LogRecord } from './terms';
import type { Records } from './useRecords';

interface Props {
  records: Records;
  columns: string[];
  wrap: boolean;
  /** The record that others are shown around. */
  marked?: string;
  onFilter: (field: Field, out: boolean) => void;
  onColumn: (name: string) => void;
  onAround: (record: LogRecord, query: string) => void;
  /** Whether somebody reads further down than at the newest. */
  onAway: (away: boolean) => void;
}

const line = 29; // px of a closed row

/** The list of records. Only what is seen is in the page, however many are loaded. j and k move, Enter opens. */
export function Rows({ records, columns, wrap, marked, onFilter, onColumn, onAround, onAway }: Props) {
  const { rows, more } = records;
  const place = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set(marked ? [marked] : []));
  const [chosen, setChosen] = useState<string | undefined>(marked);
  // The same function while the rows are: with another one all places are figured anew, with each frame of 100 000 rows.
  const keyOf = useCallback((i: number) => rows[i]?.key ?? i, [rows]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => place.current,
    estimateSize: () => line,
    getItemKey: keyOf,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= rows.length - 30) more();
  }, [more, last, rows.length]);
  useEffect(() => {
    onAway(false); // a new list begins at its newest
    return () => onAway(false);
  }, [onAway]);
  useScrollToMarked(rows, marked, virtual.scrollToIndex);

  const toggle = useCallback((key: string) => {
    setChosen(key);
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(key)) after.add(key);
      return after;
    });
  }, []);
  const step = useCallback(
    (by: number) => {
      const at = rows.findIndex((r) => r.key === chosen);
      let to = at < 0 ? (items[0]?.index ?? 0) : at + by;
      while (rows[to]?.kind === 'gap') to += by;
      const row = rows[to];
      if (!row) return;
      setChosen(row.key);
      virtual.scrollToIndex(to, { align: 'auto' });
      requestAnimationFrame(() => document.getElementById(`record-${row.key}`)?.focus({ preventScroll: true }));
    },
    [rows, chosen, items, virtual],
  );
  useKeys(step);

  return (
    <div className={wrap ? 'sb-log sb-wrap' : 'sb-log'} ref={place} onScroll={(e) => onAway(e.currentTarget.scrollTop > line)} role="region" aria-label="Log" tabIndex={0}>
      <div role="list" aria-label="Records" className="sb-log-all" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (!row) return null;
          return (
            <div key={item.key} ref={virtual.measureElement} data-index={item.index} role="listitem" className="sb-log-item" style={{ transform: `translateY(${item.start}px)` }}>
              {row.kind === 'gap' ? (
                <GapRow gap={row.gap} />
              ) : (
                <RecordRow
                  record={row.record}
                  columns={columns}
                  open={open.has(row.key)}
                  chosen={row.key === chosen}
                  first={chosen === undefined && item.index === 0}
                  marked={row.key === marked}
                  onToggle={toggle}
                  onFilter={onFilter}
                  onColumn={onColumn}
                  onAround={onAround}
                />
              )}
            </div>
          );
        })}
      </div>
      {records.loading && rows.length > 0 && <Loading what="older records" lines={2} />}
      {!records.loading && records.partial && more && (
        <p className="sb-log-end">
          Time was up before the page was full.{' '}
          <Button variant="link" isInline onClick={more}>
            Look further back
          </Button>
        </p>
      )}
      {!records.loading && !more && rows.length > 0 && <p className="sb-log-end">That is all in this time.</p>}
    </div>
  );
}

/** j and k, as long as nobody writes; Enter is the row's own button. */
function useKeys(step: (by: number) => void) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const writes = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (writes || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === 'j') step(1);
      else if (event.key === 'k') step(-1);
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [step]);
}

/** Brings the marked record into view, once it is there. */
function useScrollToMarked(rows: readonly Row[], marked: string | undefined, scrollToIndex: (at: number, options: { align: 'center' }) => void) {
  const shown = useRef<string>(undefined);
  useEffect(() => {
    const at = marked === undefined || shown.current === marked ? -1 : rows.findIndex((r) => r.key === marked);
    if (at < 0) return;
    shown.current = marked;
    scrollToIndex(at, { align: 'center' });
  }, [rows, marked, scrollToIndex]);
}
