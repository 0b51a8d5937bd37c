import {
  Divider,
  Dropdown,
  DropdownGroup,
  DropdownItem,
  DropdownList,
  Label,
  Masthead,
  MastheadBrand,
  MastheadContent,
  MastheadMain,
  MastheadToggle,
  MenuToggle,
  PageToggleButton,
  Toolbar,
  ToolbarContent,
  ToolbarGroup,
  ToolbarItem,
  Tooltip,
} from '@patternfly/react-core';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { useMe } from '~/session/hooks';
import { describe } from '~/session/roles';
import { session } from '~/session/session';
import { ConfirmAct, ErrorSentence } from '~/ui';
import { type Theme, useTheme } from './theme';
import { useMesh } from './useMesh';

const OwnPassword = lazy(async () => ({ default: (await import('./OwnPassword')).OwnPassword }));

/** The bar at the top: which mesh, who, which theme, and the ways out. */
export function TopBar({ open, onToggle }: { open: boolean; onToggle: () => void }) {
  const mesh = useMesh();
  return (
    <Masthead display={{ default: 'inline' }}> {/* one row, however narrow the window */}
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton isHamburgerButton aria-label="Navigation" isSidebarOpen={open} onSidebarToggle={onToggle} id="navigation-toggle" />
        </MastheadToggle>
        <MastheadBrand>
          <Link to="/" className="sb-brand">
            <img src="/studio/icon.svg" alt="" width="28" height="28" />
            <span>signalbox</span>
          </Link>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isStatic>
          <ToolbarContent>
            <ToolbarItem className="sb-mesh">
              <Tooltip content={`This studio operates the mesh at ${location.host}${mesh.version ? `, version ${mesh.version}` : ''}.`}>
                <Label isCompact tabIndex={0}>
                  {mesh.name}
                </Label>
              </Tooltip>
            </ToolbarItem>
            <ToolbarGroup align={{ default: 'alignEnd' }}>
              <ToolbarItem>
                <UserMenu />
              </ToolbarItem>
            </ToolbarGroup>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Masthead>
  );
}

const themes: [Theme, string][] = [
  ['system', 'As the system has it'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

function UserMenu() {
  const me = useMe();
  const [open, setOpen] = useState(false);
  const [asking, setAsking] = useState(false);
  const [changing, setChanging] = useState(false);
  const [error, setError] = useState<unknown>();
  const [theme, setTheme] = useTheme();
  return (
    <>
      <Dropdown
        isOpen={open}
        onOpenChange={setOpen}
        onSelect={() => setOpen(false)}
        popperProps={{ position: 'right' }}
        toggle={(ref) => (
          <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)} aria-label={`User menu of ${me?.name ?? 'the user'}`}>
            {me ? me.display_name || me.name : '…'}
          </MenuToggle>
        )}
      >
        <DropdownGroup label={me ? `Signed in as ${me.name}: ${describe(me)}` : 'User'}>
          <DropdownList>
            <DropdownItem onClick={() => void session.signOut().catch(setError)}>Sign out</DropdownItem>
            <DropdownItem onClick={() => setAsking(true)}>Sign out everywhere…</DropdownItem>
            {me?.has_password && <DropdownItem onClick={() => setChanging(true)}>Change password…</DropdownItem>}
          </DropdownList>
        </DropdownGroup>
        <Divider />
        <DropdownGroup label="Theme">
          <DropdownList>
            {themes.map(([value, name]) => (
              <DropdownItem key={value} isSelected={theme === value} onClick={() => setTheme(value)}>
                {name}
              </DropdownItem>
            ))}
          </DropdownList>
        </DropdownGroup>
      </Dropdown>
      {error !== undefined && (
        <div className="sb-toast">
          <ErrorSentence error={error} what="You are still signed in" onRetry={() => void session.signOut().catch(setError)} />
        </div>
      )}
      {changing && (
        <Suspense fallback={null}>
          <OwnPassword onClose={() => setChanging(false)} />
        </Suspense>
      )}
      {asking && (
        <ConfirmAct title="Sign out everywhere?" verb="Sign out everywhere" act={() => session.signOutEverywhere()} onClose={() => setAsking(false)}>
          All your sessions end, in this browser and on every other device. What was begun elsewhere may go on for five minutes at most.
        </ConfirmAct>
      )}
    </>
  );
}
