const two = (n: number) => String(n).padStart(2, '0');

/** 22 595: groups of three, with a thin space, whatever the browser's language. */
export function count(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** 1.2 MB, by powers of ten. */
export function bytes(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let at = 0;
  let value = n;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return `${at === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

/** 850 ms, 12.3 s, 4 min 5 s, 3 h 20 min, 2 d 4 h: two units at most. */
export function duration(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
  const parts: [number, string][] = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const from = parts.findIndex(([size]) => s >= size);
  let rest = Math.round(s);
  const words: string[] = [];
  for (const [size, name] of parts.slice(from, from + 2)) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) words.push(`${n} ${name}`);
  }
  return words.join(' ');
}

/** "just now", "3 min ago", "in 2 h": one unit, for reading in passing. */
export function elapsed(ms: number): string {
  const far = Math.abs(ms);
  if (far < 5_000) return 'just now';
  const [size, name] = far < 60_000 ? [1_000, 's'] : far < 3_600_000 ? [60_000, 'min'] : far < 172_800_000 ? [3_600_000, 'h'] : [86_400_000, 'd'];
  const text = `${Math.floor(far / (size as number))} ${name}`;
  return ms > 0 ? `${text} ago` : `in ${text}`;
}

/** 13:02:11.204 here; with the date in front when that is not today. */
export function clock(ts: string | number | Date, millis = true, now = new Date()): string {
  const d = new Date(ts);
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}${millis ? `.${String(d.getMilliseconds()).padStart(3, '0')}` : ''}`;
  return d.toDateString() === now.toDateString() ? time : `${date(d)} ${time}`;
}

/** 2026-11-21 13:02:11, here. */
export function at(ts: string | number | Date): string {
  const d = new Date(ts);
  return `${date(d)} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

const date = (d: Date) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
