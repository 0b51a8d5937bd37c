const units: [ms: number, name: string][] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
  [1, 'ms'],
];

/** 1h30m, 90s: a length of time as it is written and read again, without loss. '' is none. */
export function spanText(ms: number | undefined): string {
  if (!ms) return '';
  let rest = ms;
  return units
    .map(([size, name]) => {
      const n = Math.floor(rest / size);
      rest -= n * size;
      return n > 0 ? `${n}${name}` : '';
    })
    .join('');
}

/** The milliseconds of 1h30m, 90s, 1 h 30 min, 2d; undefined: it is no length of time. */
export function parseSpan(text: string): number | undefined {
  const t = text.trim().toLowerCase();
  if (!/^(\d+\s*(ms|min|[smhd])\s*)+$/.test(t)) return undefined;
  let sum = 0;
  for (const [, n, unit] of t.matchAll(/(\d+)\s*(ms|min|[smhd])/g)) sum += Number(n) * (units.find(([, name]) => name === (unit === 'min' ? 'm' : unit))?.[0] ?? 0);
  return sum;
}
