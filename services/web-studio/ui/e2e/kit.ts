import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { type BrowserContext, type ConsoleMessage, expect, type Page, test as base } from '@playwright/test';

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
      page.on('console', (m) => m.type() === 'error' && !expected(m) && wrong.push(m.text()));
      page.on('request', (r) => new URL(r.url()).origin !== new URL(mesh()).origin && !r.url().startsWith('data:') && !r.url().startsWith('blob:') && wrong.push(`asked another host: ${r.url()}`));
      await use(undefined);
      expect(wrong, 'errors of the page').toEqual([]);
    },
    { auto: true },
  ],
});

const mesh = () => process.env.STUDIO_URL ?? 'http://127.0.0.1:8080';

/** What the browser itself prints about answers that the page handles. A conflict is one where a form asks what saving would say. */
function expected(m: ConsoleMessage): boolean {
  const [, status] = /^Failed to load resource: (?:the server responded with a status of (\d+)|net::)/.exec(m.text()) ?? [undefined, ''];
  if (status === '409' || status === '412') return /\/api\/scheduler\/v1\/schedules\/[^/?]+\?.*dry_run=true/.test(m.location().url);
  return status === undefined || ['400', '401', '403', '404', '429', '502', '503', '504'].includes(status);
}

/** Signs in without the form, and opens a page. A path begins behind /studio: '/logs?q=level:error'. */
export async function open(page: Page, user: User | string, path = '/') {
  await enter(page.context(), user);
  await page.goto(`/studio${path}`);
  const frame = page.getByRole('navigation', { name: 'Pages' }).or(page.getByRole('button', { name: 'Navigation' }));
  await expect(frame.or(page.getByRole('dialog')).first()).toBeVisible(); // a dialog that the address opens hides what is around it
}

/** Gives the browser a session of the user's. */
export async function enter(context: BrowserContext, user: User | string) {
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

/** Stops the mesh and starts it again. Only in alone.spec.ts, whose tests run after all others. */
export const restart = (page: Page) => control(page, 'restart');

/** Kills the process of one instance, which does not come back until it is revived. Only in killed.spec.ts, whose mesh has a process for each. */
export const kill = (page: Page, instance: string) => control(page, `kill?instance=${instance}`);
export const revive = (page: Page) => control(page, 'revive');

async function control(page: Page, act: string) {
  const answer = await page.request.post(`${process.env.STUDIO_CONTROL}/${act}`, { timeout: 120_000 });
  expect(answer.ok(), await answer.text()).toBe(true);
}

type Theme = 'light' | 'dark';
type Width = readonly [width: number, height: number, judged: boolean];

/** The widths that the studio is made for, and whether what is seen at each is judged by axe: at the widest but the layout differs. */
const widths: readonly Width[] = [
  [1280, 900, true],
  [1920, 1080, false],
  [390, 844, true],
];

/** Asserts WCAG 2.2 A and AA in both themes, and keeps pictures: name-light.png, name-dark.png. */
export async function proper(page: Page, name: string) {
  await inBothThemes(page, (theme) => judge(page, name, theme, true));
}

/** The same in the theme that there is: for what the other has been judged in elsewhere. */
export const properNow = (page: Page, name: string) => judge(page, name, 'light', true);

/** The same at three widths, of which the theme changes nothing: name-1280-dark.png, name-1280-light.png, name-1920-light.png and so on. The page may not be wider than the window. */
export async function properEverywhere(page: Page, name: string) {
  await inBothThemes(page, async (theme) => {
    for (const [width, height, judged] of theme === 'light' ? widths : widths.slice(0, 1)) {
      await page.setViewportSize({ width, height });
      await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${name} at ${width}`).toBeLessThanOrEqual(0);
      await judge(page, `${name}-${width}`, theme, judged);
    }
  });
  const [width, height] = widths[0] as Width;
  await page.setViewportSize({ width, height });
}

/** Begins with the theme that there is: a change of theme is dear, for all of PatternFly's properties change. */
async function inBothThemes(page: Page, run: (theme: Theme) => Promise<void>) {
  const dark = /pf-v6-theme-dark/.test((await page.locator('html').getAttribute('class')) ?? '');
  for (const theme of (dark ? ['dark', 'light'] : ['light', 'dark']) as Theme[]) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    await expect(page.locator('html')).toHaveClass(theme === 'dark' ? /pf-v6-theme-dark/ : /sb-light/);
    await run(theme);
  }
}

/** Keeps a picture, and judges nothing. */
export async function picture(page: Page, name: string) {
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await page.screenshot({ animations: 'disabled', path: fileURLToPath(new URL(`../artefacts/${name}.png`, import.meta.url)) });
}

async function judge(page: Page, name: string, theme: Theme, judged: boolean) {
  await picture(page, `${name}-${theme}`);
  if (!judged) return;
  const rules = new AxeBuilder({ page }).options({ resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] });
  const { violations } = await rules.setLegacyMode().analyze(); // no frames here, so no second page for them
  expect(violations.map((v) => `${theme}: ${v.id}: ${v.help}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary?.split('\n').pop()}`).join(' | ')}`)).toEqual([]);
}
