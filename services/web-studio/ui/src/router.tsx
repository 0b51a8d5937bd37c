import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import type { ComponentType } from 'react';
import { PageFailed, PageMissing, PagePending } from './app/around';
import { Shell } from './app/Shell';
import { parseSearch, stringifySearch } from './app/search';
import type { Role } from './session/roles';

/** One page. With a group it stands in the navigation; without, other pages lead to it (one instance, one schedule). */
export interface Page {
  /** Below /studio; a part may be a parameter: /schedules/$name. */
  path: string;
  title: string;
  group?: 'Maintenance' | 'Administration';
  /** The role without which it stands in the navigation as not for the user. */
  needs?: Role;
  /** A folder of src/pages; its index.tsx exports the page as default. It is loaded when it is opened. */
  load: () => Promise<{ default: ComponentType }>;
}

/** All pages, in the order of the navigation. Adding one is one line. */
export const pages: Page[] = [
  { path: '/', title: 'Overview', group: 'Maintenance', load: () => import('./pages/overview/index') },
  { path: '/logs', title: 'Logs', group: 'Maintenance', load: () => import('./pages/logs/index') },
  { path: '/levels', title: 'Levels & leases', group: 'Maintenance', load: () => import('./pages/levels/index') },
  { path: '/fleet', title: 'Fleet', group: 'Maintenance', load: () => import('./pages/fleet/index') },
  { path: '/fleet/$instance', title: 'Instance', load: () => import('./pages/instance/index') },
  { path: '/topology', title: 'Topology', group: 'Maintenance', load: () => import('./pages/topology/index') },
  { path: '/schedules', title: 'Schedules', group: 'Maintenance', load: () => import('./pages/schedules/index') },
  { path: '/schedules/$name', title: 'Schedule', load: () => import('./pages/schedule/index') },
  { path: '/traces', title: 'Traces', group: 'Maintenance', load: () => import('./pages/traces/index') },
  { path: '/traces/$id', title: 'Trace', load: () => import('./pages/trace/index') },
  { path: '/audit', title: 'Audit', group: 'Maintenance', load: () => import('./pages/audit/index') },
  { path: '/users', title: 'Users', group: 'Administration', needs: 'admin', load: () => import('./pages/users/index') },
  { path: '/users/$id', title: 'User', load: () => import('./pages/users/one') },
];

const root = createRootRoute({ component: Shell, notFoundComponent: PageMissing });

const routes = pages.map((page) =>
  createRoute({
    getParentRoute: () => root,
    path: page.path,
    component: lazyRouteComponent(page.load),
    pendingComponent: PagePending,
    errorComponent: PageFailed,
  }),
);

export const router = createRouter({
  routeTree: root.addChildren(routes),
  basepath: '/studio',
  parseSearch,
  stringifySearch,
  defaultPreload: 'intent',
  scrollRestoration: true,
});
