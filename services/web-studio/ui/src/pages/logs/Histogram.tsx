import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import { api, ask } from '~/api/client';
import { Answered, clock, count, Loading } from '~/ui';
import { type Bar, bars, type Counts, heights, order, stretch } from './bars';
import type { View } from './url';

interface Props {
  view: View;
  /** A stretch was chosen with the brush, or one column by a click. */
  onRange: (range: { since: string; until: string }) => void;
}

/** How many records when, by level; a stretch of it can be chosen. */
export function Histogram({ view, onRange }: Props) {
  const { q, since, until } = view;
  const query = useQuery({
    queryKey: ['logs', 'histogram', q, since, until],
    queryFn: ({ signal }) => ask(api.GET('/api/maintenance/v1/logs/histogram', { params: { query: { q, since, until, buckets: 100 } }, signal })),
    refetchInterval: view.live ? 5_000 : false,
    placeholderData: (before) => before,
  });
  if (query.isPending) return <Loading what="the counts" lines={2} />;
  return (
    <Answered query={query} what="the counts">
      {(counts) => <Chart counts={counts} onRange={onRange} />}
    </Answered>
  );
}

export function Chart({ counts, onRange }: { counts: Counts; onRange: Props['onRange'] }) {
  const all = bars(counts);
  const most = Math.max(0, ...all.map((b) => b.total));
  const place = useRef<HTMLDivElement>(null);
  const [brush, setBrush] = useState<[number, number]>();
  const [cursor, setCursor] = useState<number>();

  const at = (event: PointerEvent) => {
    const box = place.current?.getBoundingClientRect();
    return box && box.width > 0 ? (event.clientX - box.left) / box.width : 0;
  };
  const choose = (a: number, b: number) => {
    setBrush(undefined);
    const range = stretch(all, a, b);
    if (range) onRange(range);
  };
  const key = (event: KeyboardEvent) => {
    const now = cursor ?? all.length - 1;
    if (event.key === 'ArrowLeft') setCursor(Math.max(0, now - 1));
    else if (event.key === 'ArrowRight') setCursor(Math.min(all.length - 1, now + 1));
    else if (event.key === 'Enter' && cursor !== undefined) choose((cursor + 0.5) / all.length, (cursor + 0.5) / all.length);
    else return;
    event.preventDefault();
  };
  const pointed = cursor === undefined ? undefined : all[cursor];

  return (
    <div className="sb-histogram">
      <div
        ref={place}
        className="sb-bars"
        role="slider"
        tabIndex={0}
        aria-label="Records over time. Arrow keys move, Enter takes the column as the time."
        aria-valuemin={0}
        aria-valuemax={Math.max(0, all.length - 1)}
        aria-valuenow={cursor ?? Math.max(0, all.length - 1)}
        aria-valuetext={pointed ? said(pointed) : `${count(counts.records)} records`}
        onKeyDown={key}
        onPointerDown={(e) => {
          e.currentTarget.setPointerCapture(e.pointerId);
          setBrush([at(e), at(e)]);
        }}
        onPointerMove={(e) => {
          const x = at(e);
          setCursor(Math.min(all.length - 1, Math.max(0, Math.floor(x * all.length))));
          if (brush) setBrush([brush[0], x]);
        }}
        onPointerUp={(e) => brush && choose(brush[0], at(e))}
        onPointerCancel={() => setBrush(undefined)}
        onPointerLeave={() => !brush && setCursor(undefined)}
      >
        <svg viewBox={`0 0 ${all.length} 1`} preserveAspectRatio="none" aria-hidden="true">
          {all.map((bar, i) => (
            <Column key={bar.from} bar={bar} at={i} most={most} />
          ))}
        </svg>
        {brush && <div className="sb-brush" style={{ left: `${100 * Math.max(0, Math.min(...brush))}%`, width: `${100 * Math.abs(brush[1] - brush[0])}%` }} />}
      </div>
      <div className="sb-axis">
        <span>{all[0] && clock(all[0].from, false)}</span>
        <span className="sb-pointed">
          {pointed ? said(pointed) : `${count(counts.records)} ${counts.records === 1 ? 'record' : 'records'}`}
          {counts.partial && ', and more: time was up before all was counted'}
        </span>
        <span>{all.length > 0 && clock(all.at(-1)?.to ?? 0, false)}</span>
      </div>
    </div>
  );
}

function Column({ bar, at, most }: { bar: Bar; at: number; most: number }) {
  const tall = heights(bar, most);
  let top = 1;
  return (
    <g>
      {order.map((level) => {
        if (tall[level] === 0) return null;
        top -= tall[level];
        return <rect key={level} className={`sb-bar sb-bar-${level.toLowerCase()}`} x={at + 0.08} width={0.84} y={top} height={tall[level]} />;
      })}
      {bar.gap && <rect className="sb-bar sb-bar-gap" x={at} width={1} y={0} height={1} />}
    </g>
  );
}

const said = (bar: Bar) =>
  `${clock(bar.from, false)}: ${order.filter((l) => bar.levels[l] > 0).map((l) => `${count(bar.levels[l])} ${l}`).join(', ') || 'nothing'}${bar.gap ? '; records are missing' : ''}`;
