import { Alert, AlertActionLink, Button, Flex } from '@patternfly/react-core';
import { useNavigate } from '@tanstack/react-router';
import { Editor } from '~/pages/schedule/editor/Editor';
import { useMay } from '~/session/hooks';
import { ActButton, Answered, CopyAs, EmptyTeach, PageFrame, useUrl } from '~/ui';
import { Filters } from './Filters';
import { Pager } from './Pager';
import { type Filter, nameable, useOverdue, useSchedules } from './queries';
import { ScheduleTable } from './ScheduleTable';
import '~/pages/schedule/schedule.css';
import './schedules.css';

/** When things are due in the mesh, and what became of it. */
export default function Schedules() {
  const [url, change] = useUrl<keyof Filter | 'cursor' | 'do'>();
  const filter: Filter = { q: url.q, service: url.service, is: url.is };
  const query = useSchedules(filter, url.cursor);
  const overdue = useOverdue();
  const many = overdue.data?.size ?? 0;
  const narrow = (next: Partial<Record<keyof Filter, string | undefined>>, options?: { replace?: boolean }) => change({ ...next, cursor: '' }, options);
  const { may } = useMay('operator');
  const navigate = useNavigate();
  const narrowed = Boolean(filter.q || filter.service || filter.is);
  return (
    <PageFrame
      title="Schedules"
      lead="When things are due, what comes next, and what became of the last fires."
      actions={
        <Flex gap={{ default: 'gapSm' }}>
          <ActButton needs="operator" onClick={() => change({ do: 'new' })}>
            Make a schedule…
          </ActButton>
          <CopyAs
          forms={[
            { name: 'link', text: () => location.href },
            { name: 'CLI command', text: () => command(filter) },
            { name: 'JSON', text: () => JSON.stringify(query.data?.items ?? [], null, 2) },
          ]}
        />
        </Flex>
      }
    >
      {many > 0 && filter.is !== 'overdue' && (
        <Alert
          isInline
          className="sb-above"
          variant="danger"
          title={`${many === 1 ? 'One schedule is' : `${many} schedules are`} overdue: a due time should have ended, and nothing was heard of its end.`}
          actionLinks={<AlertActionLink onClick={() => narrow({ is: 'overdue', q: '', service: '' })}>{many === 1 ? 'Show it' : 'Show them'}</AlertActionLink>}
        />
      )}
      {overdue.isError && <Alert isInline isPlain variant="warning" title="What is overdue is not known just now." />}
      <Filters filter={filter} change={narrow} />
      <Answered query={query} what="the schedules">
        {({ items, next }) =>
          items.length === 0 ? (
            <EmptyTeach
              title={narrowed ? 'No schedule is like that' : 'There are no schedules'}
              command={narrowed ? command(filter) : 'signalbox schedule save catalogs.stocktake --cron "0 2 * * mon-fri" --tz Europe/Berlin'}
              action={
                narrowed && (
                  <Button variant="secondary" onClick={() => narrow({ q: '', service: '', is: '' })}>
                    Show all
                  </Button>
                )
              }
            >
              {filter.q && !nameable(filter.q.trim().toLowerCase())
                ? 'Names are made of a–z, 0–9, dots, hyphens and underscores.'
                : 'A schedule stands here when a service declares it in code, or somebody makes it. Each of its due times is a row of the ledger, which ends in done or with a reason.'}
            </EmptyTeach>
          ) : (
            <>
              <ScheduleTable schedules={items} overdue={overdue.data ?? new Map()} />
              <Pager cursor={url.cursor} next={next} onGo={(cursor) => change({ cursor })} first="First page" following="Next page" />
            </>
          )
        }
      </Answered>
      {url.do === 'new' && may && <Editor onClose={() => change({ do: '' })} onSaved={(name) => void navigate({ to: '/schedules/$name' as never, params: { name } as never })} />}
    </PageFrame>
  );
}

/** The same on the command line. */
function command({ q, service, is }: Filter): string {
  if (is === 'overdue') return 'signalbox schedule overdue';
  return ['signalbox schedule list', q && nameable(q.trim().toLowerCase()) && `--match ${q.trim().toLowerCase()}`, service && `--service ${service}`, is && `--is ${is}`].filter(Boolean).join(' ');
}
