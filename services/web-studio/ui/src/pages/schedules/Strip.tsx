import { Link } from '@tanstack/react-router';
import type { KeyboardEvent } from 'react';
import { shapes } from './shapes';
import { fireText, kind, type Recent, tally } from './words';

interface Props {
  schedule: string;
  /** The newest first, as the API has them. */
  fires: Recent[];
}

/** The last fires in the order of time, each by shape and colour, and a link to it. One stop for the tab key; arrows go along it. */
export function Strip({ schedule, fires }: Props) {
  if (fires.length === 0) return <span className="sb-subtle">none yet</span>;
  return (
    <ul className="sb-fires" aria-label={`Last fires of ${schedule}: ${tally(fires)}`} onKeyDown={along}>
      {[...fires].reverse().map((fire, i, all) => {
        const Shape = shapes[kind(fire.state)];
        return (
          <li key={fire.id}>
            <Link
              to={'/schedules/$name' as never}
              params={{ name: schedule } as never}
              search={{ fire: fire.id } as never}
              className={`sb-fire sb-fire-${kind(fire.state)}`}
              title={fireText(fire)}
              aria-label={fireText(fire)}
              tabIndex={i === all.length - 1 ? 0 : -1}
            >
              <Shape />
            </Link>
          </li>
        );
      })}
    </ul>
  );
}

function along(event: KeyboardEvent<HTMLUListElement>) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  const links = [...event.currentTarget.querySelectorAll('a')];
  links[links.indexOf(document.activeElement as HTMLAnchorElement) + step]?.focus();
  event.preventDefault();
}
