import { useNavigate } from '@tanstack/react-router';
import type { Instance } from '~/pages/fleet/fleet';
import { LeaseTable } from '~/pages/levels/LeaseTable';
import { useLeases } from '~/pages/levels/queries';
import type { Lease } from '~/pages/levels/words';
import { Answered, EmptyTeach } from '~/ui';

/** What is leased there, by name or with all others. */
export function Leased({ instance }: { instance: Instance }) {
  const query = useLeases({});
  const navigate = useNavigate();
  return (
    <Answered query={query} what="the leases">
      {({ leases }) => {
        const own = (leases ?? []).filter((l) => holds(l, instance));
        if (own.length === 0) {
          return (
            <EmptyTeach small title="Nothing is leased here" command={`signalbox level set ${instance.service} debug --instance ${instance.instance} --ttl 10m --reason "…"`}>
              A changed level, a debugged user, a profile that is being captured, a maintenance window: while it holds for this instance, it stands here.
            </EmptyTeach>
          );
        }
        return <LeaseTable label="Leases here" kinds leases={own} asked={query.dataUpdatedAt} onOpen={(lease) => void navigate({ to: '/levels', search: { lease } as never })} />;
      }}
    </Answered>
  );
}

/** Whether the lease is for the instance. */
export const holds = (lease: Pick<Lease, 'service' | 'instance'>, { service, instance }: Pick<Instance, 'service' | 'instance'>) => (!lease.service || lease.service === service) && (!lease.instance || lease.instance === instance);
