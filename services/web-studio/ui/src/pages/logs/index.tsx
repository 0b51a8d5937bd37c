import { Button, Switch, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { CopyAs, count, EmptyTeach, ErrorSentence, Loading, PageFrame, Stale, TimeRange } from '~/ui';
import { Download } from './Download';
import { Histogram } from './Histogram';
import { Patterns } from './Patterns';
import { QueryBar } from './QueryBar';
import { Rows } from './Rows';
import { SavedSearches } from './SavedSearches';
import { attributes, command, type Field, type LogRecord, narrowed, term } from './terms';
import { useView } from './url';
import { type Records, useRecords } from './useRecords';
import './logs.css';

/** The log: searched, counted, followed. */
export default function Logs() {
  const [view, change] = useView();
  const [away, setAway] = useState(false);
  const [paused, setPaused] = useState(false);
  const records = useRecords(view, away || paused);
  const client = useQueryClient();
  const anew = () => {
    records.reload();
    void client.invalidateQueries({ queryKey: ['logs'] }); // the counts, the patterns
  };
  const field = useRef<HTMLInputElement>(null);
  useSlash(field);
  const seen = useMemo(() => new Set(records.rows.slice(0, 300).flatMap((r) => (r.kind === 'record' ? attributes(r.record.attrs).map((a) => a.name) : []))), [records.rows]);

  const act = useRef(view);
  act.current = view;
  const filter = useCallback((f: Field, out: boolean) => change({ q: narrowed(act.current.q, term(f), out), around: undefined }), [change]);
  const column = useCallback((name: string) => change({ columns: act.current.columns.includes(name) ? act.current.columns.filter((c) => c !== name) : [...act.current.columns, name] }), [change]);
  const around = useCallback((record: LogRecord, q: string) => change({ q, around: record.id, live: false }), [change]);
  const listKey = `${view.q} ${view.since} ${view.until} ${view.around}`;

  return (
    <PageFrame title="Logs" fill actions={<Stale since={records.stream?.kind === 'stale' ? records.stream.since : undefined} why="The connection broke; it is opened again where it was cut off, so that nothing is missed." />}>
      <div className="sb-logs-bar">
        <QueryBar query={view.q} since={view.since} until={view.until} attributes={seen} onSearch={(q) => (q === view.q ? anew() : change({ q, around: undefined }))} field={field} />
        <TimeRange since={view.since} until={view.until} onChange={({ since, until }) => change({ since, until, around: undefined, ...(until ? { live: false } : {}) })} />
      </div>
      <div className="sb-logs-bar">
        <ToggleGroup aria-label="View">
          <ToggleGroupItem text="Records" isSelected={!view.patterns} onChange={() => change({ patterns: false })} />
          <ToggleGroupItem text="Patterns" isSelected={view.patterns} onChange={() => change({ patterns: true, live: false })} />
        </ToggleGroup>
        <Switch label="Live" isChecked={view.live} onChange={(_, live) => change({ live, ...(live ? { until: undefined, around: undefined, patterns: false } : {}) })} />
        {view.live && (
          <Button variant="secondary" size="sm" onClick={() => setPaused(!paused)}>
            {paused ? 'Go on' : 'Pause'}
          </Button>
        )}
        <Switch label="Wrap" isChecked={view.wrap} onChange={(_, wrap) => change({ wrap })} />
        <span className="sb-logs-right">
          <SavedSearches view={view} onOpen={(saved) => change({ ...saved, around: undefined })} />
          <CopyAs
            label="Copy"
            forms={[
              { name: 'link', text: () => location.href },
              { name: 'CLI command', text: () => command(view.q, view.since, view.until, view.live) },
              { name: 'JSON', text: () => records.rows.flatMap((r) => (r.kind === 'record' ? [JSON.stringify(r.record)] : [JSON.stringify({ gap: r.gap })])).join('\n') },
            ]}
          />
          <Download view={view} />
        </span>
      </div>
      {view.around ? (
        <p className="sb-around">
          Shown is what stands around one record{view.q && ` in ${view.q}`}.{' '}
          <Button variant="link" isInline onClick={() => change({ around: undefined })}>
            Show the last records instead
          </Button>
        </p>
      ) : (
        <Histogram view={view} onRange={({ since, until }) => change({ since, until, live: false })} />
      )}
      {view.patterns ? (
        <Patterns view={view} onShow={(t) => change({ q: narrowed(view.q, t), patterns: false })} />
      ) : (
        <Body records={records}>
          {records.held > 0 && (
            <Button className="sb-held" size="sm" onClick={() => { setPaused(false); records.let(); document.querySelector('.sb-log')?.scrollTo({ top: 0 }); }}>
              {count(records.held)} new
            </Button>
          )}
          <Rows key={listKey} records={records} columns={view.columns} wrap={view.wrap} marked={view.around} onFilter={filter} onColumn={column} onAround={around} onAway={setAway} />
        </Body>
      )}
    </PageFrame>
  );
}

function Body({ records, children }: { records: Records; children: React.ReactNode }) {
  const refused = records.stream?.kind === 'refused' ? records.stream.error : undefined;
  const error = records.error ?? refused;
  if (records.rows.length === 0 && error !== undefined) return <ErrorSentence error={error} what="The log could not be searched" onRetry={records.reload} />;
  if (records.rows.length === 0 && records.loading) return <Loading what="records" lines={8} />;
  if (records.rows.length === 0) {
    return (
      <EmptyTeach title="No record matches" command="signalbox logs 'level>=warn'">
        Make the time longer, or the query wider: <code>service:catalogs level&gt;=warn</code>, <code>user_id=42</code>, <code>"connection refused"</code>. Records below the level of their logger are not
        written; a lease on the level brings them.
      </EmptyTeach>
    );
  }
  return (
    <div className="sb-logs-list">
      {error !== undefined && <ErrorSentence error={error} what="More could not be loaded" onRetry={records.reload} />}
      {children}
    </div>
  );
}

/** The keyboard's / leads to the query. */
function useSlash(field: React.RefObject<HTMLInputElement | null>) {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const writes = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if (event.key !== '/' || writes || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      field.current?.focus();
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, [field]);
}
