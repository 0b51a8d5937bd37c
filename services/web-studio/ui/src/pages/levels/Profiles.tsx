import { Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import { authorized, type Schema } from '~/api/client';
import { toApiError } from '~/api/problem';
import { useMay } from '~/session/hooks';
import { ActButton, Answered, at, bytes, ConfirmAct, duration, EmptyTeach, ErrorSentence, Loading } from '~/ui';
import { useActs, useProfiles } from './queries';
import type { Lease } from './words';

type Profile = Schema<'view-service.Profile'>;

/** The profiles that are kept; they show the inside of a service, so it takes an operator to see them. */
export function Profiles({ service, instance }: { service?: string; instance?: string }) {
  const { may, reason } = useMay('operator', service);
  const query = useProfiles({ service, instance }, may);
  if (!may) return <EmptyTeach title="Profiles are not for everybody">They show the inside of a service, its memory too. {reason}</EmptyTeach>;
  return (
    <Answered query={query} what="the profiles">
      {({ profiles }) =>
        (profiles ?? []).length === 0 ? (
          <EmptyTeach title="No profile is kept" command="signalbox profile cpu catalogs --for 30s -o /tmp">
            An instance captures a profile while it works: where its time goes (cpu), what holds its memory (heap), what it waits for (block, mutex, goroutine), or all that happens (trace). The file comes here.
          </EmptyTeach>
        ) : (
          <Files profiles={profiles ?? []} />
        )
      }
    </Answered>
  );
}

/** What one lease has brought, while it comes in. */
export function LeaseProfiles({ lease }: { lease: Lease }) {
  const { may } = useMay('operator', lease.service);
  const query = useProfiles({ lease: lease.id }, may);
  if (!may) return null;
  return (
    <Answered query={query} what="the profiles">
      {({ profiles }) => {
        if ((profiles ?? []).length > 0) return <Files profiles={profiles ?? []} />;
        return lease.state === 'active' ? <Loading what="the profile, which is being captured" lines={2} /> : <p>No profile came in before the lease ended.</p>;
      }}
    </Answered>
  );
}

function Files({ profiles }: { profiles: Profile[] }) {
  const [deleting, setDeleting] = useState<Profile>();
  const [error, setError] = useState<unknown>();
  const { deleteProfile } = useActs();
  const fetchIt = (profile: Profile) => {
    setError(undefined);
    void download(profile).catch(setError);
  };
  return (
    <>
      {error !== undefined && <ErrorSentence error={error} what="The profile could not be fetched" />}
      <Table aria-label="Profiles" variant="compact" gridBreakPoint="grid-lg">
        <Thead>
          <Tr>
            <Th>Kind</Th>
            <Th>Instance</Th>
            <Th>From</Th>
            <Th>Size</Th>
            <Th>Reason</Th>
            <Th screenReaderText="Acts" />
          </Tr>
        </Thead>
        <Tbody>
          {profiles.map((p) => (
            <Tr key={p.id}>
              <Td dataLabel="Kind">
                {p.kind}
                {p.cut && ' (cut)'}
              </Td>
              <Td dataLabel="Instance">{p.instance}</Td>
              <Td dataLabel="From">
                {at(p.from)}, {duration(new Date(p.until).getTime() - new Date(p.from).getTime())}
              </Td>
              <Td dataLabel="Size">{bytes(p.bytes)}</Td>
              <Td dataLabel="Reason" modifier="breakWord">
                {p.reason} <span className="sb-faint">— {p.owner}</span>
              </Td>
              <Td modifier="fitContent">
                <Button variant="secondary" size="sm" onClick={() => fetchIt(p)} aria-label={`Download ${p.filename}`}>
                  Download
                </Button>{' '}
                <ActButton needs="operator" service={p.service} variant="link" isDanger size="sm" onClick={() => setDeleting(p)} aria-label={`Delete ${p.filename}`}>
                  Delete…
                </ActButton>
              </Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
      <p className="sb-faint sb-after">
        <code>go tool pprof -http : FILE</code> opens a profile, <code>go tool trace FILE</code> a trace.
      </p>
      {deleting && (
        <ConfirmAct title="Delete this profile?" verb="Delete it" act={() => deleteProfile(deleting.id)} onClose={() => setDeleting(undefined)}>
          {deleting.filename}, {bytes(deleting.bytes)}, goes for everybody, and cannot be brought back. Its row in the audit stays.
        </ConfirmAct>
      )}
    </>
  );
}

/** Fetches the file with the session's token, which a plain link would not carry, and hands it to the browser. */
async function download({ id, filename }: Profile): Promise<void> {
  const answer = await authorized(new Request(`/api/maintenance/v1/profiles/${id}/data`));
  if (!answer.ok) throw toApiError(answer.status, await answer.json().catch(() => undefined), answer.headers);
  const url = URL.createObjectURL(await answer.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = filename;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser may still be reading it
}
