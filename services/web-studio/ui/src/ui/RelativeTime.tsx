import { at, elapsed } from './format';
import { useNow } from './useNow';

/** "3 min ago" or "in 2 h", counting on; the exact time is its title. */
export function RelativeTime({ ts }: { ts: string | number }) {
  const now = useNow(1000);
  const then = new Date(ts);
  return (
    <time dateTime={then.toISOString()} title={at(then)}>
      {elapsed(now - then.getTime())}
    </time>
  );
}
