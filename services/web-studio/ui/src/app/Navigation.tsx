import { Nav, NavGroup, NavItem, PageSidebar, PageSidebarBody } from '@patternfly/react-core';
import { Link, useRouterState } from '@tanstack/react-router';
import { type Page, pages } from '~/router';
import { useMe } from '~/session/hooks';
import { whyNot } from '~/session/roles';

const groups = ['Maintenance', 'Administration'] as const;

/** The pages that exist, by their groups. */
export function Navigation({ open, onGo }: { open: boolean; onGo: () => void }) {
  const pathname = useRouterState({ select: (s) => s.location.pathname });
  const current = active(pathname.replace(/^\/studio/, '') || '/');
  return (
    <PageSidebar isSidebarOpen={open}>
      <PageSidebarBody>
        <Nav aria-label="Pages" onSelect={onGo}>
          {groups.map((group) => {
            const rows = pages.filter((p) => p.group === group);
            if (rows.length === 0) return null;
            return (
              <NavGroup key={group} title={group}>
                {rows.map((page) => (
                  <Item key={page.path} page={page} active={page === current} />
                ))}
              </NavGroup>
            );
          })}
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}

function Item({ page, active: isActive }: { page: Page; active: boolean }) {
  const me = useMe();
  const why = page.needs && me && whyNot(me, page.needs);
  return (
    <NavItem isActive={isActive} itemId={page.path}>
      <Link to={page.path} title={why || undefined} activeOptions={{ exact: true }}>
        {page.title}
        {why && <span className="pf-v6-screen-reader"> ({why})</span>}
      </Link>
    </NavItem>
  );
}

/** The row that the address lies under: /schedules for /schedules/x. */
function active(path: string): Page | undefined {
  const under = (p: Page) => (p.path === '/' ? path === '/' : path === p.path || path.startsWith(`${p.path}/`));
  return pages.filter((p) => p.group && under(p)).sort((a, b) => b.path.length - a.path.length)[0];
}
