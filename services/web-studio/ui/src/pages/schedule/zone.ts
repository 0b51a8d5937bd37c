interface Parts {
  weekday: string;
  date: string;
  time: string;
  /** +02:00 */
  offset: string;
}

/** 'Sun 2026-03-29 03:00:00 +02:00': an instant as the clocks of the zone show it; in UTC where the browser does not know the zone. */
export function zoned(ts: string | number, zone: string): string {
  const { weekday, date, time, offset } = parts(new Date(ts), zone);
  return `${weekday} ${date} ${time} ${offset}`;
}

/** The same for reading in passing: without seconds where there are none. */
export const due = (ts: string | number, zone: string): string => zoned(ts, zone).replace(/:00 (?=[+-])/, ' ');

/** The same instant by the clocks here, as short as it can be said: '01:00', 'Sun 23:00'. '': they show the same. */
export function hereText(ts: string, zone: string, local = here()): string {
  const [weekday, date, time, offset] = due(ts, local).split(' ');
  const [, thereDate, , thereOffset] = due(ts, zone).split(' ');
  if (offset === thereOffset) return '';
  return date === thereDate ? `${time}` : `${weekday} ${time}`;
}

/** The instant that somebody wrote, in RFC 3339: with an offset as it is, without one by the clocks of the zone. undefined: it is none. */
export function instant(text: string, zone: string): string | undefined {
  const t = text.trim().replace(' ', 'T');
  const found = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2}))?)?(Z|[+-]\d{2}:\d{2})?$/i.exec(t);
  if (!found) return undefined;
  const [, y, mo, d, h = '0', mi = '0', s = '0', offset] = found;
  const wall = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s));
  if (new Date(wall).toISOString().slice(0, 16) !== `${y}-${mo}-${d}T${h.padStart(2, '0')}:${mi.padStart(2, '0')}`) return undefined; // 31 February
  if (offset) return iso(wall - millis(offset));
  const guess = wall - millis(parts(new Date(wall), zone).offset);
  return iso(wall - millis(parts(new Date(guess), zone).offset)); // once more: the offset may change in between
}

/** The time zones that the browser knows; others can be written all the same. */
export const zones = (): string[] => ['UTC', ...Intl.supportedValuesOf('timeZone')];

/** Where the browser is. */
export const here = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

const iso = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');

function millis(offset: string): number {
  if (/^z$/i.test(offset)) return 0;
  const [h = 0, m = 0] = offset.slice(1).split(':').map(Number);
  return (offset.startsWith('-') ? -1 : 1) * (h * 60 + m) * 60_000;
}

function parts(at: Date, zone: string): Parts {
  const of = new Map(format(zone).formatToParts(at).map((p) => [p.type, p.value]));
  return {
    weekday: of.get('weekday') ?? '',
    date: `${of.get('year')?.padStart(4, '0')}-${of.get('month')}-${of.get('day')}`,
    time: `${of.get('hour')}:${of.get('minute')}:${of.get('second')}`,
    offset: of.get('timeZoneName')?.replace('GMT', '') || '+00:00',
  };
}

function format(timeZone: string): Intl.DateTimeFormat {
  const options = { weekday: 'short', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'longOffset' } as const;
  try {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone: timeZone || 'UTC' });
  } catch {
    return new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' });
  }
}
