import { Button } from '@patternfly/react-core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { count, EmptyTeach } from '~/ui';
import { Line } from './Line';
import { useTreeKeys } from './keys';
import { ticks } from './time';
import { build, closable, failures, rows as drawn, type Trace } from './tree';
import { bounds, services } from './words';

interface Props {
  trace: Trace;
  /** Some of its log lines are left out. */
  filtered: boolean;
  onFilter: (term: string) => void;
}

const line = 32; // px of a row without details

/** The tree of spans with the log lines in it: a treegrid, of which only what is seen is in the page. */
export function Waterfall({ trace, filtered, onFilter }: Props) {
  const tree = useMemo(() => build(trace), [trace]);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [detailed, setDetailed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => drawn(tree, closed), [tree, closed]);
  const names = useMemo(() => services(trace), [trace]);
  const ways = useMemo(() => failures(tree), [tree]);
  const { start, total } = useMemo(() => bounds(trace), [trace]);
  const place = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<string>();
  const wanted = useRef<string>(undefined); // the row that gets the focus once it is drawn
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => place.current, estimateSize: () => line, getItemKey: (i) => rows[i]?.key ?? i, overscan: 16 });

  const show = (key: string) => {
    setActive(key);
    wanted.current = key;
  };
  useEffect(() => {
    const key = wanted.current;
    const at = key === undefined ? -1 : rows.findIndex((r) => r.key === key);
    if (at < 0) return;
    wanted.current = undefined;
    virtual.scrollToIndex(at, { align: 'auto' });
    focusSoon(rowId(key as string));
  });
  const toggle = (key: string, open?: boolean) => setClosed((before) => changed(before, key, open === undefined ? !before.has(key) : !open));
  const detail = (key: string) => setDetailed((before) => changed(before, key, !before.has(key)));
  const keys = useTreeKeys({ rows, active, show, toggle, detail });
  const next = () => {
    const last = ways.findIndex((way) => way.at(-1) === active);
    const way = ways[(last + 1) % ways.length];
    if (!way) return;
    setClosed((before) => new Set([...before].filter((key) => !way.slice(0, -1).includes(key))));
    show(way.at(-1) as string);
  };

  if (rows.length === 0) {
    return (
      <EmptyTeach title="There is nothing to show" command={`signalbox trace ${trace.trace_id}`}>
        No span of this trace is there{filtered ? ', and none of its log lines gets through the filter' : ', and nothing was logged in it'}.
      </EmptyTeach>
    );
  }
  const all = closable(tree);
  return (
    <>
      <div className="sb-trace-bar">
        <ul className="sb-trace-services" aria-label="Services">
          {names.map((name) => (
            <li key={name}>
              <span className={`sb-swatch sb-hue-${hue(names, name)}`} aria-hidden /> {name}
            </li>
          ))}
        </ul>
        {ways.length > 0 && (
          <Button variant="secondary" size="sm" onClick={next}>
            Next error ({count(ways.length)})
          </Button>
        )}
        {all.length > 0 && (
          <>
            <Button variant="link" size="sm" onClick={() => setClosed(new Set())}>
              Open all
            </Button>
            <Button variant="link" size="sm" onClick={() => setClosed(new Set(all))}>
              Close all
            </Button>
          </>
        )}
      </div>
      <div className="sb-trace" ref={place} role="treegrid" aria-label="Spans and log lines" aria-rowcount={rows.length + 1} aria-multiselectable onKeyDown={keys}>
        <div role="rowgroup" className="sb-trace-head">
          <div role="row" aria-rowindex={1} className="sb-trace-line">
            <span role="columnheader">Span or log line</span>
            <span role="columnheader" className="sb-trace-took">
              Took, or at
            </span>
            <span role="columnheader" className="sb-trace-time">
              <span className="pf-v6-screen-reader">Time</span>
              <span aria-hidden className="sb-trace-ticks">
                {ticks(total).map((t) => (
                  <span key={t.left} style={{ insetInlineStart: `${t.left}%` }}>
                    {t.text}
                  </span>
                ))}
              </span>
            </span>
          </div>
        </div>
        <div role="rowgroup" className="sb-trace-all" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <Line
                key={item.key}
                ref={virtual.measureElement}
                id={rowId(row.key)}
                index={item.index}
                top={item.start}
                row={row}
                trace={trace.trace_id}
                hue={(name) => hue(names, name)}
                start={start}
                total={total}
                current={row.key === active || (active === undefined && item.index === 0)}
                detailed={detailed.has(row.key)}
                onToggle={() => toggle(row.key)}
                onDetail={() => {
                  setActive(row.key);
                  detail(row.key);
                }}
                onFilter={onFilter}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

/** A row far away is drawn a few frames after it was scrolled to. */
function focusSoon(id: string, tries = 20) {
  requestAnimationFrame(() => {
    const row = document.getElementById(id);
    if (row) row.focus({ preventScroll: true });
    else if (tries > 0) focusSoon(id, tries - 1);
  });
}

const rowId = (key: string) => `line-${key}`;

const hues = 8;

const hue = (names: string[], name: string) => Math.max(0, names.indexOf(name)) % hues;

function changed(set: ReadonlySet<string>, key: string, has: boolean): ReadonlySet<string> {
  const next = new Set(set);
  if (has) next.add(key);
  else next.delete(key);
  return next;
}
