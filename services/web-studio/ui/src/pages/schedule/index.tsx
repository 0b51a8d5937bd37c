import { Alert, Card, CardBody, CardTitle, Grid, GridItem, Tab, Tabs, TabTitleText } from '@patternfly/react-core';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError } from '~/api/problem';
import { useMay } from '~/session/hooks';
import { Answered, PageFrame, useUrl } from '~/ui';
import type { Schedule } from '~/pages/schedules/words';
import { type Act, Actions } from './Actions';
import { Backfill } from './Backfill';
import { BackfillProgress } from './BackfillProgress';
import { Pause, Remove, Resume, Revert, RunNow } from './Confirmations';
import { Definition } from './Definition';
import { Editor } from './editor/Editor';
import { FireDialog } from './FireDialog';
import { Health } from './Health';
import { Ledger } from './Ledger';
import { NextTimes } from './NextTimes';
import { Notices } from './Notices';
import { type LedgerFilter, useSchedule } from './queries';
import '../schedules/schedules.css';
import './schedule.css';

type Key = keyof LedgerFilter | 'tab' | 'cursor' | 'fire' | 'do';

/** One schedule: when it is due, what became of each due time and why, and what can be done about it. */
export default function OneSchedule() {
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  const [url, change] = useUrl<Key>();
  const query = useSchedule(name);
  const schedule = query.data;
  const act = (what: Act) => change({ do: what });
  const missing = query.error instanceof ApiError && query.error.status === 404;
  return (
    <PageFrame
      title={name}
      lead={
        <>
          {schedule ? `A schedule of ${schedule.service}. ` : ''}
          <Link to={'/schedules' as never}>All schedules</Link>
        </>
      }
      actions={schedule && !missing && <Actions schedule={schedule} onAct={act} />}
    >
      {missing ? (
        <Alert isInline variant="warning" className="sb-above" title={`There is no schedule ${name}, or it is of a service that you may not see.`}>
          <p>It may have been deleted, or its service does not declare it any more. What the ledger still has of it is below.</p>
        </Alert>
      ) : (
        <Answered query={query} what="the schedule">
          {(s) => (
            <>
              <Notices schedule={s} onResume={() => act('resume')} onRevert={() => act('revert')} />
              <Grid hasGutter className="sb-above">
                <Part title="How it goes">
                  <Health schedule={s} />
                </Part>
                <Part title="When">
                  <NextTimes schedule={s} />
                </Part>
              </Grid>
            </>
          )}
        </Answered>
      )}
      {url.backfill && <BackfillProgress id={url.backfill} />}
      <Tabs activeKey={url.tab === 'definition' ? 'definition' : 'ledger'} onSelect={(_, tab) => change({ tab: tab === 'ledger' ? '' : String(tab) })} aria-label="Of the schedule" mountOnEnter unmountOnExit>
        <Tab eventKey="ledger" title={<TabTitleText>Ledger</TabTitleText>}>
          <div className="sb-tab-content">
            <Ledger name={name} filter={url} cursor={url.cursor} change={change} />
          </div>
        </Tab>
        <Tab eventKey="definition" title={<TabTitleText>Definition</TabTitleText>} isDisabled={!schedule}>
          {schedule && (
            <div className="sb-tab-content">
              <Definition schedule={schedule} />
            </div>
          )}
        </Tab>
      </Tabs>
      {url.fire ? <FireDialog key={url.fire} id={url.fire} onClose={() => change({ fire: '' })} /> : schedule && url.do && <Doing schedule={schedule} act={url.do as Act} change={change} />}
    </PageFrame>
  );
}

/** The dialog of what is asked for; none for who may not. */
function Doing({ schedule, act, change }: { schedule: Schedule; act: Act; change: (next: Partial<Record<Key, string>>) => void }) {
  const { may } = useMay('operator', schedule.service);
  const navigate = useNavigate();
  const onClose = () => change({ do: '' });
  if (!may) return null;
  const dialogs: Partial<Record<Act, () => ReactNode>> = {
    run: () => <RunNow schedule={schedule} onClose={onClose} onFire={(fire) => change({ do: '', fire })} />,
    pause: () => <Pause schedule={schedule} onClose={onClose} />,
    resume: () => <Resume schedule={schedule} onClose={onClose} />,
    backfill: () => <Backfill schedule={schedule} onClose={onClose} onStarted={(backfill) => change({ do: '', tab: '', state: '', reason: '', cursor: '', backfill })} />,
    edit: () => <Editor schedule={schedule} onClose={onClose} onSaved={onClose} />,
    revert: () => <Revert schedule={schedule} onClose={onClose} />,
    delete: () => <Remove schedule={schedule} onClose={onClose} onGone={() => void navigate({ to: '/schedules' as never })} />,
  };
  return dialogs[act]?.() ?? null;
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <GridItem span={12} lg={6}>
      <Card isFullHeight component="section" aria-label={title}>
        <CardTitle component="h2">{title}</CardTitle>
        <CardBody>{children}</CardBody>
      </Card>
    </GridItem>
  );
}
