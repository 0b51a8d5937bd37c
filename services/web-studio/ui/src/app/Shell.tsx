import { Bullseye, Modal, ModalBody, ModalHeader, Page, SkipToContent, Spinner } from '@patternfly/react-core';
import { Outlet, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { useSession } from '~/session/hooks';
import { SignInForm } from '~/pages/sign-in/SignInForm';
import { session } from '~/session/session';
import { ErrorSentence } from '~/ui';
import { Navigation } from './Navigation';
import { TopBar } from './TopBar';

const SignInPage = lazy(() => import('~/pages/sign-in/index'));

const wide = () => window.innerWidth >= 1200;

/** What is around every page. Without a session it is the sign-in, at whatever address, so that one comes back to it. */
export function Shell() {
  const state = useSession();
  if (state === 'starting') return <Starting />;
  if (state === 'out') {
    return (
      <Suspense fallback={<Waiting />}>
        <SignInPage />
      </Suspense>
    );
  }
  return <Frame ended={state === 'ended'} />;
}

function Frame({ ended }: { ended: boolean }) {
  const [open, setOpen] = useState(wide);
  const pathname = useRouterState({ select: (s) => s.location.pathname });
  useFocusOnPage(pathname);
  const main = (
    <Page
      masthead={<TopBar open={open} onToggle={() => setOpen(!open)} />}
      sidebar={<Navigation open={open} onGo={() => !wide() && setOpen(false)} />}
      skipToContent={<SkipToContent href="#main">Skip to content</SkipToContent>}
      mainContainerId="main"
      isContentFilled
      mainTabIndex={0} // it scrolls, and a page may have nothing else to focus
      mainAriaLabel="Page"
    >
      <Outlet />
    </Page>
  );
  return (
    <>
      {main}
      {ended && (
        <Modal isOpen variant="small" aria-labelledby="ended-title">
          <ModalHeader labelId="ended-title" title="Your session has ended" description="Sign in again to go on where you were; the page below is kept." />
          <ModalBody>
            <SignInForm />
          </ModalBody>
        </Modal>
      )}
    </>
  );
}

/** After a change of page the focus is on it, for who does not see that it changed. */
function useFocusOnPage(pathname: string) {
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current !== pathname) document.getElementById('main')?.focus({ preventScroll: true });
    before.current = pathname;
  }, [pathname]);
}

function Waiting() {
  return (
    <Bullseye className="sb-waiting">
      <Spinner aria-label="Loading" />
    </Bullseye>
  );
}

/** Until it is known who is there. */
function Starting() {
  const problem = useSyncExternalStore(session.subscribe, () => session.problem);
  if (!problem) return <Waiting />;
  return (
    <Bullseye className="sb-waiting">
      <ErrorSentence error={problem} what="The studio is waiting for the mesh; it is asked again every two seconds" />
    </Bullseye>
  );
}
