import { Button } from '@patternfly/react-core';
import { Answered, CopyAs, EmptyTeach, PageFrame, useUrl } from '~/ui';
import { ChangeDialog } from './ChangeDialog';
import { Changes } from './Changes';
import { Filters } from './Filters';
import { most, step, useAudit } from './queries';
import { command, type Filter } from './words';
import './audit.css';

/** Who changed what in the mesh, why, and what became of it. */
export default function Audit() {
  const [url, change] = useUrl<keyof Filter | 'change' | 'limit'>();
  const { since = '24h', until, actor, action, service, subject } = url;
  const filter: Filter = { since, until, actor, action, service, subject };
  const limit = Math.min(most, Math.max(step, Math.floor(Number(url.limit)) || step));
  const query = useAudit(filter, limit);
  const narrow = (next: Partial<Record<keyof Filter, string | undefined>>) => change({ ...next, limit: '' });
  const id = Number(url.change);
  return (
    <PageFrame
      title="Audit"
      lead="Who changed what, why, and what each instance made of it. No row can be changed or removed unnoticed."
      actions={
        <CopyAs
          forms={[
            { name: 'link', text: () => location.href },
            { name: 'CLI command', text: () => command(filter) },
            { name: 'JSON', text: () => JSON.stringify(query.data?.changes ?? [], null, 2) },
          ]}
        />
      }
    >
      <Filters filter={filter} change={narrow} />
      <Answered query={query} what="the changes">
        {({ changes, next }) =>
          (changes ?? []).length === 0 ? (
            <EmptyTeach
              title={actor || action || service || subject ? 'No change is like that' : 'Nothing was changed in this time'}
              command={command(filter)}
              action={
                <Button variant="secondary" onClick={() => narrow({ since: '7d', until: '', actor: '', action: '', service: '', subject: '' })}>
                  Show all of the last 7 days
                </Button>
              }
            >
              Each change of the running mesh is a row here: by the studio, the command line, the API, a signal on the machine, or a lease’s own end. Who changed it, why, what held before and after, and how each instance answered.
            </EmptyTeach>
          ) : (
            <>
              <Changes changes={changes ?? []} onOpen={(one) => change({ change: String(one) })} onActor={(name) => narrow({ actor: name })} />
              {next !== undefined && (
                <p className="sb-more">
                  {limit < most ? (
                    <Button variant="secondary" isLoading={query.isPlaceholderData} onClick={() => change({ limit: String(Math.min(most, limit + step * 3)) }, { replace: true })}>
                      Show older ones, too
                    </Button>
                  ) : (
                    `These are the newest ${most}. Choose a time or a filter to see others.`
                  )}
                </p>
              )}
            </>
          )
        }
      </Answered>
      {Number.isInteger(id) && id > 0 && <ChangeDialog key={id} id={id} onClose={() => change({ change: '' })} />}
    </PageFrame>
  );
}
