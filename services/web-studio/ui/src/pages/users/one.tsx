import { Breadcrumb, BreadcrumbItem, Card, CardBody, CardHeader, CardTitle, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Grid, GridItem, Label, List, ListItem } from '@patternfly/react-core';
import { Link, useParams } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { useMay, useMe } from '~/session/hooks';
import type { User } from '~/session/roles';
import { ActButton, Answered, at, EmptyTeach, PageFrame } from '~/ui';
import { Act, type ActName } from './Act';
import { ForAdministrators } from './ForAdministrators';
import { covers, grantText, roles } from './grants';
import { useUser } from './queries';
import { State } from './State';
import './users.css';

/** One user: what he may do, and what an administrator may do about him. */
export default function OneUser() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { may } = useMay('admin', 'identity');
  const query = useUser(id, may);
  const me = useMe();
  const user = query.data;
  return (
    <PageFrame
      title={user?.name ?? 'User'}
      lead={user?.display_name}
      actions={
        user && (
          <>
            <State user={user} /> {user.id === me?.id && <Label color="blue">you</Label>}
          </>
        )
      }
    >
      <Breadcrumb className="sb-way">
        <BreadcrumbItem render={({ className }) => <Link to={'/users' as never} className={className}>Users</Link>} />
        <BreadcrumbItem isActive>{user?.name ?? id}</BreadcrumbItem>
      </Breadcrumb>
      {may ? (
        <Answered query={query} what="the user">
          {(one) => <Whole user={one} self={one.id === me?.id} why={covers(me, one.grants) ? undefined : `${one.name} holds roles that you do not hold yourself. Who holds them may change this.`} />}
        </Answered>
      ) : (
        <ForAdministrators />
      )}
    </PageFrame>
  );
}

function Whole({ user, self, why }: { user: User; self: boolean; why?: string }) {
  const [acting, setActing] = useState<ActName>();
  const act = (name: ActName, label: string, unless = why) => (
    <ActButton needs="admin" service="identity" unless={unless} variant={name === 'unblock' ? 'primary' : 'secondary'} isDanger={name === 'block'} onClick={() => setActing(name)}>
      {label}
    </ActButton>
  );
  return (
    <Grid hasGutter>
      <Tile title="Roles" action={act('roles', 'Change roles…')}>
        {user.grants.length === 0 ? (
          <EmptyTeach small title="No role yet">
            {user.name} can sign in, and sees nothing. A role for a service, or for all, lets {user.name} in.
          </EmptyTeach>
        ) : (
          <List isPlain isBordered aria-label="Roles that are granted">
            {user.grants.map((grant) => (
              <ListItem key={grant.role}>
                <strong>{grantText(grant)}</strong>
                <div className="sb-subtle">{roles.find(([name]) => name === grant.role)?.[1]}</div>
              </ListItem>
            ))}
          </List>
        )}
      </Tile>
      <Tile title="Signing in">
        <div className="sb-user-acts">
          {act('password', 'New password…')}
          {act('sessions', 'Sign out everywhere…')}
          {user.disabled ? act('unblock', 'Unblock…') : act('block', 'Block…', self ? 'You would lock yourself out. Another administrator can block you.' : why)}
        </div>
        <DescriptionList isCompact isHorizontal isFluid className="sb-user-facts">
          <Fact term="Password">{user.has_password ? 'is set' : 'none: nobody can sign in with one'}</Fact>
          <Fact term="Blocked">{user.disabled ? 'yes: no session is there, and none can begin' : 'no'}</Fact>
        </DescriptionList>
      </Tile>
      <Tile title="About" action={act('display', 'Change display name…')}>
        <DescriptionList isCompact isHorizontal isFluid className="sb-user-facts">
          <Fact term="Name">{user.name}</Fact>
          <Fact term="Display name">{user.display_name || '—'}</Fact>
          <Fact term="Made">{at(user.created_at)}</Fact>
          <Fact term="Changed">{at(user.updated_at)}</Fact>
          <Fact term="Id">
            <code>{user.id}</code>
          </Fact>
        </DescriptionList>
      </Tile>
      <Tile title="What was done">
        <List isPlain>
          <ListItem>
            <Link to={'/audit' as never} search={{ actor: user.name, since: '7d' } as never}>
              What {user.name} changed in the mesh
            </Link>
          </ListItem>
          <ListItem>
            <Link to={'/logs' as never} search={{ q: `logger:identity.audit user_id=${user.id}`, since: '7d' } as never}>
              Sign-ins of {user.name}, and what was changed about this user
            </Link>
          </ListItem>
          <ListItem>
            <Link to={'/levels' as never} search={{ tab: 'debug', do: 'debug', user: user.id } as never}>
              Debug the requests of {user.name}
            </Link>
          </ListItem>
        </List>
      </Tile>
      {acting && <Act name={acting} user={user} self={self} onClose={() => setActing(undefined)} />}
    </Grid>
  );
}

function Tile({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <GridItem span={12} lg={6}>
      <Card isFullHeight component="section" aria-label={title}>
        <CardHeader actions={action ? { actions: action, hasNoOffset: true } : undefined}>
          <CardTitle component="h2">{title}</CardTitle>
        </CardHeader>
        <CardBody>{children}</CardBody>
      </Card>
    </GridItem>
  );
}

function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  );
}
