import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { type BrowserContext, expect, type Page, test as base } from '@playwright/test';

export { expect };

/** Names of the users that there are; one password is everybody's. catalogs-operator may change catalogs alone. */
export type User = 'viewer' | 'operator' | 'administrator' | 'catalogs-operator';

export const password = process.env.STUDIO_PASSWORD ?? '';

/** Every test fails when its page did: an error that was thrown, one on the console, anything that the policy refused. */
export const test = base.extend<{ clean: undefined }>({
  clean: [
    async ({ page }, use) => {
      const wrong: string[] = [];
      page.on('pageerror', (error) => wrong.push(String(error)));
      page.on('console', (m) => m.type() === 'error' && !expected(m.text()) && wrong.push(m.text()));
      page.on('request', (r) => new URL(r.url()).origin !== new URL(mesh()).origin && !r.url().startsWith('data:') && !r.url().startsWith('blob:') && wrong.push(`asked another host: ${r.url()}`));
      await use(undefined);
      expect(wrong, 'errors of the page').toEqual([]);
    },
    { auto: true },
  ],
});

const mesh = () => process.env.STUDIO_URL ?? 'http://127.0.0.1:8080';

/** What the browser itself prints about answers that the page handles. */
const expected = (text: string) => /Failed to load resource: (the server responded with a status of (401|403|404|429|502|503|504)|net::)/.test(text);

/** Signs in without the form, and opens a page. A path begins behind /studio: '/logs?q=level:error'. */
export async function open(page: Page, user: User, path = '/') {
  await enter(page.context(), user);
  await page.goto(`/studio${path}`);
  await expect(page.getByRole('navigation', { name: 'Pages' }).or(page.getByRole('button', { name: 'Navigation' })).first()).toBeVisible();
}

/** Gives the browser a session of the user's. */
export async function enter(context: BrowserContext, user: User) {
  await context.addInitScript(() => localStorage.getItem('signalbox.session') ?? localStorage.setItem('signalbox.session', '1'));
  const answer = await context.request.post('/api/identity/v1/sessions', { data: { name: user, password, cookie: true } });
  expect(answer.ok(), `sign in as ${user}: ${answer.status()}`).toBe(true);
}

/** A token of the user's, for calls that the test itself makes. */
export async function token(page: Page, user: User): Promise<string> {
  const answer = await page.request.post('/api/identity/v1/sessions', { data: { name: user, password } });
  return (await answer.json()).access_token;
}

/** Calls the API as the user, as another person would meanwhile. */
export async function call(page: Page, user: User, method: string, path: string, data?: unknown) {
  const answer = await page.request.fetch(path, { method, data, headers: { Authorization: `Bearer ${await token(page, user)}` } });
  expect(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`).toBe(true);
  return answer.status() === 204 ? undefined : answer.json();
}

/** Runs the command line against the mesh, as somebody beside the browser does. */
export function signalbox(...args: string[]): string {
  return execFileSync(process.env.STUDIO_PROGRAM ?? 'signalbox', [...args, '--state', process.env.STUDIO_STATE ?? '.signalbox'], { encoding: 'utf8' });
}

/** Stops the mesh and starts it again. Only for tests that run alone: see e2e/restart.spec.ts. */
export async function restart(page: Page) {
  const answer = await page.request.post(`${process.env.STUDIO_CONTROL}/restart`, { timeout: 120_000 });
  expect(answer.ok(), await answer.text()).toBe(true);
}

/** Asserts WCAG 2.2 A and AA in both themes, and keeps pictures: name-light.png, name-dark.png. */
export async function proper(page: Page, name: string) {
  for (const theme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await expect(page.locator('html')).toHaveClass(theme === 'dark' ? /pf-v6-theme-dark/ : /sb-light/);
    await page.screenshot({ path: fileURLToPath(new URL(`../artefacts/${name}-${theme}.png`, import.meta.url)) });
    const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']).analyze();
    expect(violations.map((v) => `${theme}: ${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary?.split('\n').pop()}`).join(' | ')}`)).toEqual([]);
  }
}

/** The same at the three widths that the studio is made for; the page may not be wider than the window. */
export async function properEverywhere(page: Page, name: string) {
  for (const [width, height] of [[1920, 1080], [1280, 900], [390, 844]] as const) {
    await page.setViewportSize({ width, height });
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${name} at ${width}`).toBeLessThanOrEqual(0);
    await proper(page, `${name}-${width}`);
  }
}
