import type { Schema } from '~/api/client';
import { count } from './format';

/** What a gap in the log has swallowed: "12 records of catalogs-1 (info)". */
export function missing(gap: Schema<'view-service.Gap'>): string {
  const many = gap.to_seq === undefined ? 'An unknown number of records' : `${count(gap.to_seq - gap.from_seq + 1)} ${gap.to_seq === gap.from_seq ? 'record' : 'records'}`;
  return `${many} of ${gap.instance} (${gap.class})`;
}
