/** Microseconds since 1970 of a time as the API writes it, which has more digits than Date keeps. */
export function micros(ts: string): number {
  const [, head = ts, fraction = '', zone = 'Z'] = /^([^.]+?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/i.exec(ts) ?? [];
  return Date.parse(head + zone) * 1000 + Number(`0.${fraction || 0}`) * 1e6;
}

/** 300 µs, 1.2 ms, 350 ms, 1.25 s, 2 min 5 s: three digits, for durations that lie side by side. */
export function took(us: number): string {
  if (us < 1_000) return `${Math.round(us)} µs`;
  if (us < 1_000_000) return `${short(us / 1_000)} ms`;
  if (us < 60_000_000) return `${short(us / 1_000_000)} s`;
  return `${Math.floor(us / 60_000_000)} min ${Math.round((us % 60_000_000) / 1_000_000)} s`;
}

const short = (n: number) => (n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2)).replace(/\.0+$/, '');

/** Where something lies on the time of the trace, in percent of it. What lies outside, for a host's clock is wrong, is at the edge. */
export function place(ts: string, us: number, start: number, total: number): { left: number; width: number } {
  const percent = (of: number) => (total > 0 ? (100 * of) / total : 0);
  const left = Math.min(100, Math.max(0, percent(micros(ts) - start)));
  return { left, width: Math.min(100 - left, Math.max(0, percent(us))) };
}

/** Marks on the axis: where, in percent, and what stands there. */
export function ticks(total: number, parts = 4): { left: number; text: string }[] {
  return Array.from({ length: parts + 1 }, (_, i) => ({ left: (100 * i) / parts, text: i === 0 ? '0' : took((total * i) / parts) }));
}
