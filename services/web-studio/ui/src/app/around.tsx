import { Button } from '@patternfly/react-core';
import { Link, useRouter } from '@tanstack/react-router';
import { EmptyTeach, ErrorSentence, Loading, PageFrame } from '~/ui';

/** While a page is being loaded. */
export function PagePending() {
  return (
    <PageFrame title="Loading">
      <Loading what="the page" lines={6} />
    </PageFrame>
  );
}

/** A page that threw, or could not be loaded. */
export function PageFailed({ error, reset }: { error: unknown; reset: () => void }) {
  const router = useRouter();
  const again = () => {
    reset();
    void router.invalidate();
  };
  return (
    <PageFrame title="This page failed">
      <ErrorSentence error={error} what="The page could not be shown" onRetry={again} />
      <Button variant="link" onClick={() => location.reload()}>
        Load it anew
      </Button>
    </PageFrame>
  );
}

/** No page has this address. */
export function PageMissing() {
  return (
    <PageFrame title="There is no such page">
      <EmptyTeach title="Nothing is at this address" action={<Link to="/">Go to the overview</Link>}>
        The link may be older or newer than this studio, or it was cut off on its way.
      </EmptyTeach>
    </PageFrame>
  );
}
