import { Label } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { Link } from '@tanstack/react-router';
import { useMe } from '~/session/hooks';
import type { User } from '~/session/roles';
import { RelativeTime } from '~/ui';
import { grantsText } from './grants';
import { State } from './State';

/** Users by name, each with what he may do. A row leads to the user's own page. */
export function UserTable({ users }: { users: User[] }) {
  const me = useMe();
  return (
    <Table aria-label="Users" variant="compact" gridBreakPoint="grid-md">
      <Thead>
        <Tr>
          <Th width={25}>Name</Th>
          <Th>Roles</Th>
          <Th modifier="nowrap">State</Th>
          <Th modifier="nowrap">Changed</Th>
        </Tr>
      </Thead>
      <Tbody>
        {users.map((user) => (
          <Tr key={user.id}>
            <Td dataLabel="Name" modifier="breakWord">
              <Link to={`/users/${user.id}` as never}>{user.name}</Link>{' '}
              {user.id === me?.id && (
                <Label isCompact color="blue">
                  you
                </Label>
              )}
              {user.display_name && <div className="sb-subtle">{user.display_name}</div>}
            </Td>
            <Td dataLabel="Roles" modifier="breakWord">
              {grantsText(user.grants)}
            </Td>
            <Td dataLabel="State" modifier="nowrap">
              <State user={user} />
            </Td>
            <Td dataLabel="Changed" modifier="nowrap">
              <RelativeTime ts={user.updated_at} />
            </Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}
