import { Alert, List, ListItem } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import type { Schema } from '~/api/client';
import { bytes, count, ErrorSentence } from '~/ui';
import { type Request, usePreview } from './queries';
import { parseTtl } from './words';

const patience = 300; // milliseconds after the last key until the mesh is asked

/** What a level would add to the log: asked for anew while the form changes. */
export function Preview({ request, ttl }: { request: Request; ttl?: string }) {
  const { kind, service, instance, logger, value } = request;
  const text = JSON.stringify({ kind, service, instance, logger, value, reason: 'a look at what it costs' });
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), patience);
    return () => clearTimeout(timer);
  }, [text]);
  const query = usePreview(JSON.parse(settled) as Request, true);
  if (query.isError) return <ErrorSentence error={query.error} what="What it costs is not known" />;
  if (!query.data) return <Alert isInline isPlain variant="info" title="What it costs is being asked for." />;
  const { preview, warnings } = query.data;
  return (
    <section aria-label="What it costs" aria-busy={settled !== text || query.isPlaceholderData}>
      <Alert isInline variant={(warnings ?? []).length > 0 ? 'warning' : 'info'} title={<span role="status">{cost(preview)}</span>}>
        {(warnings ?? []).map((w) => (
          <p key={w}>
            {w.charAt(0).toUpperCase()}
            {w.slice(1)}.
          </p>
        ))}
        <p>{total(preview, ttl)}</p>
        {(preview.loggers ?? []).length > 0 && (
          <List isPlain className="sb-costs">
            {(preview.loggers ?? []).slice(0, 5).map((l) => (
              <ListItem key={`${l.service}${l.logger}${l.level}`}>
                <code>{l.logger || l.service}</code> {l.level}: {rate(l.lines_per_second)} lines/s, {bytes(l.bytes_per_second)}/s
              </ListItem>
            ))}
            {(preview.loggers ?? []).length > 5 && <ListItem>and {(preview.loggers ?? []).length - 5} more</ListItem>}
          </List>
        )}
      </Alert>
    </section>
  );
}

type Sums = Pick<Schema<'view-service.Preview'>, 'lines_per_second' | 'bytes_per_second' | 'instances'>;

/** "It would add 120 lines/s, 0.02 MB/s, on 3 instances." */
export function cost({ lines_per_second, bytes_per_second, instances }: Sums): string {
  return `It would add ${rate(lines_per_second)} lines/s, ${megabytes(bytes_per_second)} MB/s, on ${instances} ${instances === 1 ? 'instance' : 'instances'}.`;
}

/** The same until its end, and what the figures are from. */
export function total({ lines_per_second, bytes_per_second }: Sums, ttl?: string): string {
  if (lines_per_second === 0) return 'Of what the instances have left out over the last minute, nothing would be written.';
  const ms = ttl ? parseTtl(ttl) : undefined;
  const sum = ms ? `Until its end that is ${count((lines_per_second * ms) / 1000)} lines, ${bytes((bytes_per_second * ms) / 1000)}. ` : '';
  return `${sum}Figured from what the instances have left out over the last minute.`;
}

/** A digit behind the point while it is small. */
const rate = (perSecond: number) => (perSecond >= 10 || perSecond === 0 ? count(perSecond) : perSecond < 0.05 ? 'less than 0.1' : perSecond.toFixed(1));

const megabytes = (perSecond: number) => {
  const n = perSecond / 1e6;
  if (n === 0) return '0';
  return n >= 10 ? count(n) : n >= 0.01 ? n.toFixed(2) : n >= 0.0001 ? n.toFixed(4) : 'less than 0.0001';
};
