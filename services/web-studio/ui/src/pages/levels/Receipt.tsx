import { Label, Progress, Spinner } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { duration } from '~/ui';
import type { Outcome } from './words';

/** What is known of one instance; asked: the answer is waited for. */
export type Answer = Omit<Outcome, 'state'> & { state: Outcome['state'] | 'asked' };

interface Props {
  answers: Answer[];
  /** What the instances were asked to do: "at DEBUG", "with the lease". */
  what: string;
  /** Of a lease's end: who has done it has it no more. */
  end?: boolean;
}

/** What each instance made of a change; it fills in as they answer. Partial success is plain to see. */
export function Receipt({ answers, what, end }: Props) {
  const done = answers.filter((a) => a.state === 'applied').length;
  const said = `${done} of ${answers.length} ${answers.length === 1 ? 'instance' : 'instances'} ${what}`;
  if (answers.length === 0) return <p>No live instance is meant. One that starts while the lease holds takes it.</p>;
  return (
    <div className="sb-receipt">
      <p role="status">
        <strong>{said}</strong>
      </p>
      <Progress
        value={done}
        max={answers.length}
        aria-label={said}
        measureLocation="none"
        size="sm"
        variant={answers.some((a) => a.state === 'refused') ? 'danger' : done === answers.length ? 'success' : answers.some((a) => a.state === 'silent') ? 'warning' : undefined}
      />
      <Table aria-label={end ? 'Receipt of the end' : 'Receipt'} variant="compact" gridBreakPoint="">
        <Thead>
          <Tr>
            <Th width={40}>Instance</Th>
            <Th width={20}>State</Th>
            <Th>What it said</Th>
          </Tr>
        </Thead>
        <Tbody>
          {answers.map((a) => (
            <Tr key={`${a.service}/${a.instance}`}>
              <Td modifier="breakWord">{a.instance}</Td>
              <Td>
                <State answer={a} />
              </Td>
              <Td modifier="breakWord">{remark(a, end)}</Td>
            </Tr>
          ))}
        </Tbody>
      </Table>
    </div>
  );
}

const statuses = { applied: 'success', silent: 'warning', refused: 'danger' } as const;

function State({ answer: { state } }: { answer: Answer }) {
  if (state === 'asked') {
    return (
      <Label isCompact variant="outline" icon={<Spinner size="sm" aria-hidden />}>
        asked
      </Label>
    );
  }
  return (
    <Label isCompact variant="outline" status={statuses[state]}>
      {state}
    </Label>
  );
}

/** Why an instance stands as it does, as far as that is known. */
export function remark(a: Answer, end = false): string {
  const parts: string[] = [];
  if (a.state === 'silent') parts.push(end ? 'It has not told of the end yet; it ends it by its own clock.' : 'It has not answered yet; it takes it with its next heartbeat.');
  if (a.state === 'refused') parts.push(a.error || 'It gave no reason.');
  if (a.state === 'applied' && a.took_ms) parts.push(`after ${duration(a.took_ms)}${a.via === 'sync' ? ', with its heartbeat' : ''}`);
  if (a.spent) parts.push('Its budget is used up: it has fallen back by itself.');
  return parts.join('. ').replace(/\.\./g, '.');
}
