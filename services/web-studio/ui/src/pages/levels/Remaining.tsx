import { duration, useNow } from '~/ui';

interface Props {
  /** Milliseconds that were left when it was asked. */
  ms: number;
  /** When it was asked, by this browser's clock: its difference alone counts, so that a wrong clock does no harm. */
  asked: number;
  keep?: boolean;
}

/** What is left of a lease, counting down. */
export function Remaining({ ms, asked, keep }: Props) {
  const now = useNow();
  return <span className="sb-left">{keep ? 'until dropped' : left(ms - Math.max(0, now - asked))}</span>;
}

/** "4 min 12 s left", whole seconds; "ending" when it is over and the mesh has not said so yet. */
export function left(ms: number): string {
  return ms <= 0 ? 'ending' : `${duration(Math.ceil(ms / 1000) * 1000).replace(/\.0 s$/, ' s')} left`;
}
