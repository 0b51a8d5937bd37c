import { Card, CardBody, CardTitle, Content, Title } from '@patternfly/react-core';
import { useEffect } from 'react';
import { useMesh } from '~/app/useMesh';
import { session } from '~/session/session';
import { ErrorSentence } from '~/ui';
import { SignInForm } from './SignInForm';

/** Who is not signed in sees this at every address, and is at that address afterwards. */
export default function SignIn() {
  const mesh = useMesh();
  useEffect(() => {
    document.title = 'Sign in · signalbox studio';
  }, []);
  return (
    <main className="sb-sign-in">
      <Card>
        <CardTitle>
          <div className="sb-brand">
            <img src="/studio/icon.svg" alt="" width="36" height="36" />
            <Title headingLevel="h1" size="xl">
              Sign in to {mesh.name}
            </Title>
          </div>
        </CardTitle>
        <CardBody>
          {session.problem !== undefined && <ErrorSentence error={session.problem} what="The sign-in link did not hold" />}
          <SignInForm />
          <Content component="p" className="sb-hint">
            No password yet? On the machine where the mesh runs, <code>signalbox studio</code> prints a link that signs you in.
          </Content>
        </CardBody>
      </Card>
    </main>
  );
}
