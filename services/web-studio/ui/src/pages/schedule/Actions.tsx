import { Flex } from '@patternfly/react-core';
import { type Schedule, written } from '~/pages/schedules/words';
import { ActButton, CopyAs } from '~/ui';

/** What can be asked for by ?do=. */
export type Act = 'run' | 'pause' | 'resume' | 'edit' | 'backfill' | 'revert' | 'delete';

/** What can be done with a schedule. */
export function Actions({ schedule: s, onAct }: { schedule: Schedule; onAct: (act: Act) => void }) {
  const by = { needs: 'operator', service: s.service } as const;
  return (
    <Flex gap={{ default: 'gapSm' }}>
      <ActButton {...by} onClick={() => onAct('run')}>
        Run now…
      </ActButton>
      <ActButton {...by} variant="secondary" onClick={() => onAct(s.paused ? 'resume' : 'pause')}>
        {s.paused ? 'Resume…' : 'Pause…'}
      </ActButton>
      <ActButton {...by} variant="secondary" onClick={() => onAct('edit')}>
        Edit…
      </ActButton>
      <ActButton {...by} variant="secondary" onClick={() => onAct('backfill')}>
        Backfill…
      </ActButton>
      <ActButton {...by} variant="secondary" isDanger onClick={() => onAct('delete')} unless={s.origin === 'declared' ? 'Its service declares this schedule in code, and would again. Pause it, or edit it.' : undefined}>
        Delete…
      </ActButton>
      <CopyAs
        forms={[
          { name: 'link', text: () => `${location.origin}/studio/schedules/${s.name}` },
          { name: 'CLI command to show it', text: () => `signalbox schedule show ${s.name}` },
          { name: 'timing', text: () => written(s) },
          { name: 'JSON', text: () => JSON.stringify(s, null, 2) },
        ]}
      />
    </Flex>
  );
}
