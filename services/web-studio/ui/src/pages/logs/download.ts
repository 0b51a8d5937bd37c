import { authorized } from '~/api/client';
import { toApiError } from '~/api/problem';
import type { View } from './url';

export type Format = 'ndjson' | 'csv';

/** Bytes that a page may take into memory on their way to a file; more is the command line's. */
const most = 256 << 20;

/** What the last line of a whole export holds; without it the export was cut off. */
const endings: Record<Format, RegExp> = { ndjson: /\{"end":\{.*"complete":true.*\}\}\s*$/, csv: /(^|\n)# end: .*\s*$/ };

/** Downloads every matching record to a file. told hears of the bytes that have come. Throws when it is not whole. */
export async function download({ q, since, until }: Pick<View, 'q' | 'since' | 'until'>, format: Format, told: (bytes: number) => void): Promise<void> {
  const query = new URLSearchParams({ q, since, format, ...(until ? { until } : {}) });
  const response = await authorized(new Request(`/api/maintenance/v1/logs/export?${query}`));
  if (!response.ok || !response.body) throw toApiError(response.status, await response.json().catch(() => undefined), response.headers);
  const parts: BlobPart[] = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value as BlobPart);
    size += value.length;
    told(size);
    if (size > most) {
      await reader.cancel();
      throw new Error('it is more than a browser should hold; make the time shorter, or take the command: signalbox logs export');
    }
  }
  const file = new Blob(parts, { type: format === 'csv' ? 'text/csv' : 'application/x-ndjson' });
  if (!whole(await file.slice(-4096).text(), format)) throw new Error('the answer was cut off before its end');
  save(file, `logs-${new Date().toISOString().replace(/[:.]/g, '-')}.${format}`);
}

/** Whether the end of an export says that nothing was cut off. */
export const whole = (end: string, format: Format) => endings[format].test(end.slice(end.lastIndexOf('\n', end.length - 2) + 1) || end);

function save(file: Blob, name: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
