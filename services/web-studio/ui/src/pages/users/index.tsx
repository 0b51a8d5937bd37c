import { Button, SearchInput, Toolbar, ToolbarContent, ToolbarItem } from '@patternfly/react-core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useMay } from '~/session/hooks';
import { ActButton, Answered, EmptyTeach, PageFrame, useUrl } from '~/ui';
import { ForAdministrators } from './ForAdministrators';
import { NewUser } from './NewUser';
import { step, useUsers } from './queries';
import { UserTable } from './UserTable';
import './users.css';

const most = 2_000; // users on one page; a name finds the others

/** Who may sign in, and what he may do. */
export default function Users() {
  const [url, change] = useUrl<'q' | 'limit' | 'do'>();
  const { may } = useMay('admin', 'identity');
  const limit = Math.min(most, Math.max(step, Math.floor(Number(url.limit)) || step));
  const query = useUsers(url.q ?? '', limit, may);
  const go = useNavigate();
  return (
    <PageFrame
      title="Users"
      lead="Who signs in to this mesh, and what each of them may do."
      actions={
        <ActButton needs="admin" service="identity" onClick={() => change({ do: 'new' })}>
          Make a user…
        </ActButton>
      }
    >
      {may ? (
        <>
          <Toolbar>
            <ToolbarContent>
              <ToolbarItem>
                <Find q={url.q ?? ''} onFind={(q) => change({ q, limit: '' })} />
              </ToolbarItem>
            </ToolbarContent>
          </Toolbar>
          <Answered query={query} what="the users">
            {({ users, more }) =>
              users.length === 0 ? (
                <EmptyTeach
                  title="Nobody has that in the name"
                  action={
                    <Button variant="secondary" onClick={() => change({ q: '' })}>
                      Show all users
                    </Button>
                  }
                >
                  Names and display names are looked through, in either case.
                </EmptyTeach>
              ) : (
                <>
                  <UserTable users={users} />
                  {more && (
                    <p className="sb-users-more">
                      {limit < most ? (
                        <Button variant="secondary" isLoading={query.isPlaceholderData} onClick={() => change({ limit: String(Math.min(most, limit + step * 4)) }, { replace: true })}>
                          Show more
                        </Button>
                      ) : (
                        `These are the first ${most} by name. Look for the others by a part of their names.`
                      )}
                    </p>
                  )}
                </>
              )
            }
          </Answered>
          {url.do === 'new' && <NewUser onClose={() => change({ do: '' })} onDone={(id) => void go({ to: `/users/${id}` as never })} />}
        </>
      ) : (
        <ForAdministrators />
      )}
    </PageFrame>
  );
}

/** Looks for a name on Enter: each letter would ask the mesh. */
function Find({ q, onFind }: { q: string; onFind: (q: string) => void }) {
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  return <SearchInput aria-label="Find by a part of the name" placeholder="A part of the name" value={text} onChange={(_, value) => setText(value)} onSearch={() => onFind(text.trim())} onClear={() => onFind('')} />;
}
