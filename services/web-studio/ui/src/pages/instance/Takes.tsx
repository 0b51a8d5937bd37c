import type { Schema } from '~/api/client';
import { sharing, type Instance } from '~/pages/fleet/fleet';
import { useInstances } from '~/pages/overview/queries';
import { bytes, count } from '~/ui';
import { cpu, points, withNow } from './spark';
import { Sparkline } from './Sparkline';

const share = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} %`;

/** What the instance's process takes of its machine, over the last hour at most. */
export function Takes({ detail, now }: { detail: Schema<'view-service.InstanceDetail'>; now: number }) {
  const { instance } = detail;
  const all = withNow(detail.samples ?? [], instance.usage, instance.heard_at);
  const others = sharing(instance, useInstances().data?.instances ?? []);
  return (
    <>
      <div className="sb-sparks">
        <Sparkline name="Memory" points={points(all, 'memory_bytes')} also={{ name: 'heap', points: points(all, 'heap_bytes') }} text={bytes} now={now} none="this machine does not say" />
        <Sparkline name="Goroutines" points={points(all, 'goroutines')} text={count} now={now} none="nothing is known" />
        <Sparkline name="CPU of one core" points={cpu(all)} text={share} now={now} none="known half a minute after the start" />
      </div>
      {others.length > 0 && <p className="sb-subtle">{shared(instance, others)}</p>}
    </>
  );
}

function shared(one: Instance, others: Instance[]): string {
  const names = others.map((i) => i.instance).sort();
  const few = names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} others` : names.join(', ').replace(/, ([^,]*)$/, ' and $1');
  return `It is what process ${one.pid} takes, which ${one.instance} shares with ${few}.`;
}
