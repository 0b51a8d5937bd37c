import { inWords, type Segment, stretch } from './strip';

const height = 20;

/** How high a stretch stands: what is worse stands higher, so that no colour has to say it. */
const heights: Record<string, number> = { up: 0.4, degraded: 0.7, unknown: 0.12, stopped: 0.12 };

/** A status over time, from left to right; the same in words for who does not see it. */
export function Strip({ name, segments, since, now }: { name: string; segments: Segment[]; since: number; now: number }) {
  const x = (t: number) => ((t - since) / (now - since)) * 1000;
  return (
    <svg className="sb-strip" viewBox={`0 0 1000 ${height}`} preserveAspectRatio="none" role="img" aria-label={`${name}: ${inWords(segments, now)}`}>
      {segments.map((s) => {
        const high = height * (heights[s.status] ?? 1);
        return (
          <rect key={s.from} className={`sb-is-${s.status}`} x={x(s.from)} width={Math.max(x(s.to) - x(s.from), 3)} y={height - high} height={high}>
            <title>{stretch(s)}</title>
          </rect>
        );
      })}
    </svg>
  );
}
