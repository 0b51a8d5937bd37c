import { Button } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { at } from '~/ui';
import { actionText, type Change, changeText, detail, done, forWhom, who } from './words';

interface Props {
  changes: Change[];
  onOpen: (id: number) => void;
  onActor: (name: string) => void;
}

/** Who changed what, the newest first. A row leads to the whole of it. */
export function Changes({ changes, onOpen, onActor }: Props) {
  return (
    <Table aria-label="Changes" variant="compact" gridBreakPoint="grid-lg">
      <Thead>
        <Tr>
          <Th>When</Th>
          <Th>Who</Th>
          <Th>What</Th>
          <Th>For</Th>
          <Th>Change</Th>
          <Th width={20}>Reason</Th>
          <Th>Done</Th>
        </Tr>
      </Thead>
      <Tbody>
        {changes.map((c) => (
          <Tr key={c.id}>
            <Td dataLabel="When" modifier="nowrap">
              {at(c.at)}
            </Td>
            <Td dataLabel="Who">
              {c.actor ? (
                <Button variant="link" isInline onClick={() => onActor(c.name || c.actor)} aria-label={`Only what ${who(c)} did`}>
                  {who(c)}
                </Button>
              ) : (
                who(c)
              )}
            </Td>
            <Td dataLabel="What" modifier="breakWord">
              <Button variant="link" isInline onClick={() => onOpen(c.id)} aria-label={`${actionText(c)}: show change ${c.id}`}>
                {actionText(c)}
              </Button>
            </Td>
            <Td dataLabel="For">
              {forWhom(c)}
            </Td>
            <Td dataLabel="Change" modifier="breakWord">
              {changeText(c) || '—'}
            </Td>
            <Td dataLabel="Reason" modifier="breakWord">
              {detail(c, 'reason') || '—'}
            </Td>
            <Td dataLabel="Done" modifier="nowrap">
              {done(c) ?? '—'}
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}
