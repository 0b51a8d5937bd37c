import { type PointerEvent, useState } from 'react';
import { clock, duration } from '~/ui';
import { area, begin, line, nearest, type Place, type Point, place } from './spark';

interface Props {
  name: string;
  points: Point[];
  /** A second line below the first, of the same unit. */
  also?: { name: string; points: Point[] };
  text: (value: number) => string;
  now: number;
  /** What stands there while nothing is known. */
  none: string;
}

const width = 600;
const height = 90;

/** What a value was over the last minutes: a line, the value now, the least and the most; the one under the pointer. */
export function Sparkline({ name, points, also, text, now, none }: Props) {
  const [under, setUnder] = useState<Place>();
  const since = begin(points, now);
  // Both lines on one scale, which the first one makes: what it counts holds the second.
  const top = Math.max(...points.map((p) => p.value), 0);
  const scaled = (all: Point[]) => place([...all, { at: Number.NEGATIVE_INFINITY, value: top }], since, now, width, height);
  const pieces = scaled(points);
  const values = points.map((p) => p.value);
  const last = points.at(-1);
  const look = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    setUnder(nearest(pieces, ((event.clientX - box.left) / box.width) * width));
  };
  const least = text(Math.min(...values));
  const most = text(Math.max(...values));
  const span = duration(Math.max(1_000, now - (points[0]?.at ?? now)));
  const said = last ? `${name}: ${text(last.value)} now${least === most ? '' : `, between ${least} and ${most} in the last ${span}`}` : `${name}: ${none}`;
  return (
    <figure className="sb-spark">
      <figcaption>
        <span className="sb-spark-name">{name}</span>
        <span className="sb-spark-now">{last ? text(under?.point.value ?? last.value) : '—'}</span>
        <span className="sb-subtle">{under ? `at ${clock(under.point.at, false)}` : last ? least !== most && `${least} to ${most} in ${span}` : none}</span>
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={said} onPointerMove={look} onPointerLeave={() => setUnder(undefined)}>
        {pieces.map((p) => (
          <g key={p[0]?.point.at}>
            <path className="sb-spark-area" d={area(p, height)} />
            <path className="sb-spark-line" d={p.length === 1 ? `${line(p)}h0.1` : line(p)} />
          </g>
        ))}
        {also && scaled(also.points).map((p) => <path key={p[0]?.point.at} className="sb-spark-also" d={p.length === 1 ? `${line(p)}h0.1` : line(p)} />)}
        {under && <path className="sb-spark-under" d={`M${under.x.toFixed(1)} 0V${height}`} />}
      </svg>
      {also && also.points.length > 0 && (
        <p className="sb-subtle sb-spark-key">
          dashed: {also.name}, {text(also.points.at(-1)?.value ?? 0)} now
        </p>
      )}
    </figure>
  );
}
