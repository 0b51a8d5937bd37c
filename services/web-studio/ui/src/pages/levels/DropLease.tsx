import { List, ListItem } from '@patternfly/react-core';
import { ApiError } from '~/api/problem';
import { ConfirmAct } from '~/ui';
import { useActs } from './queries';
import { afterDrop, kindNames, type Lease, targetText, whatText } from './words';

interface Props {
  leases: Lease[];
  /** What stays in force all the same. */
  stays?: string;
  /** After they were dropped, with what the mesh said of each. */
  onDone?: (summaries: string[]) => void;
  onClose: () => void;
}

/** Asks before leases are ended, with what comes then. One that has ended meanwhile is as it should be. */
export function DropLease({ leases, stays, onDone, onClose }: Props) {
  const { drop } = useActs();
  const [first] = leases;
  async function act() {
    const said: string[] = [];
    for (const lease of leases) {
      try {
        said.push((await drop(lease)).summary);
      } catch (error) {
        if (!(error instanceof ApiError && error.code === 'conflict')) throw error;
        said.push('it had ended by then');
      }
    }
    onDone?.(said);
  }
  if (!first) return null;
  return (
    <ConfirmAct title={leases.length === 1 ? `End this ${kindNames[first.kind].toLowerCase()} now?` : `End ${leases.length} leases now?`} verb="End it now" act={act} onClose={onClose}>
      {leases.length === 1 ? (
        <>
          <p>
            <strong>{whatText(first)}</strong> on {targetText(first)}, set by {first.owner}: {first.reason}
          </p>
          <p>{afterDrop(first)}</p>
        </>
      ) : (
        <>
          <List>
            {leases.map((lease) => (
              <ListItem key={lease.id}>
                <strong>{whatText(lease)}</strong> on {targetText(lease)}, set by {lease.owner}: {lease.reason}
              </ListItem>
            ))}
          </List>
          <p>What is configured holds again.</p>
        </>
      )}
      {stays && <p>{stays}</p>}
    </ConfirmAct>
  );
}
