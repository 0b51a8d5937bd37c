import '@patternfly/react-core/dist/styles/base.css';
import './studio.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queries } from './app/queries';
import { watchTheme } from './app/theme';
import { router } from './router';
import { session } from './session/session';

watchTheme();

// The code of a sign-in link stands behind the #, where no server sees it; nor is it to stay in the history.
const code = new URLSearchParams(location.hash.slice(1)).get('code') ?? undefined;
if (code) history.replaceState(null, '', location.pathname + location.search);
void session.start(code);

const place = document.getElementById('root');
if (!place) throw new Error('index.html has no #root');
createRoot(place).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
