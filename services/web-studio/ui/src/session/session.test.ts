import { beforeEach, expect, it, vi } from 'vitest';
import { Session } from './session';

/** identity, as far as a page sees it: a cookie that is good or not, and how often it was exchanged. */
const identity = { cookie: true, refreshes: 0, slow: 0 };
const jwt = (sub: string) => `e.${btoa(JSON.stringify({ sub }))}.s`;

beforeEach(() => {
  Object.assign(identity, { cookie: true, refreshes: 0, slow: 0 });
  localStorage.clear();
  vi.stubGlobal('fetch', async (path: string) => {
    if (path.endsWith('/refresh')) {
      identity.refreshes++;
      await new Promise((resolve) => setTimeout(resolve, identity.slow));
      if (!identity.cookie) return Response.json({ status: 401, code: 'unauthorized', detail: 'the session has ended; sign in again' }, { status: 401 });
    }
    if (path.endsWith('/current')) return new Response(null, { status: 204 });
    identity.cookie = true;
    return Response.json({ access_token: jwt('u1'), expires_in: 300 });
  });
});

it('asks nobody at a first visit', async () => {
  const s = new Session();
  await s.start();
  expect([s.snapshot(), identity.refreshes]).toEqual(['out', 0]);
});

it('comes back with the cookie', async () => {
  localStorage.setItem('signalbox.session', '1');
  const s = new Session();
  await s.start();
  expect(s.snapshot()).toBe('in');
  expect(await s.token()).toBe(jwt('u1'));
  expect(identity.refreshes).toBe(1);
});

it('renews once for all who ask', async () => {
  const s = new Session();
  await s.signIn('anna', 'secret');
  identity.slow = 5;
  const tokens = await Promise.all([s.token(true), s.token(true), s.token(true)]);
  expect(new Set(tokens).size).toBe(1);
  expect(identity.refreshes).toBe(1);
});

it('waits for the sign-in when the session has ended, and goes on then', async () => {
  const s = new Session();
  await s.signIn('anna', 'secret');
  identity.cookie = false;
  const waiting = s.token(true);
  await vi.waitFor(() => expect(s.snapshot()).toBe('ended'));
  await s.signIn('anna', 'secret');
  expect(await waiting).toBe(jwt('u1'));
});

it('tells who waits that nobody is signed in any more', async () => {
  const s = new Session();
  await s.signIn('anna', 'secret');
  identity.cookie = false;
  const waiting = s.token(true);
  await vi.waitFor(() => expect(s.snapshot()).toBe('ended'));
  await s.signOut();
  await expect(waiting).rejects.toMatchObject({ status: 401 });
  expect(s.snapshot()).toBe('out');
});
