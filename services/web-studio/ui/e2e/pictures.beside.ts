import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import { call, expect, open, test, type User } from './kit';

/** The pictures of docs/studio.md: pages with the demo's data. `make studio-pictures` takes them anew. Those of the fleet, an
 * instance, the topology and a trace, and of what goes wrong there, are the tests' own, from artefacts. */
interface Picture {
  name: string;
  user: User;
  path: string | ((page: Page) => Promise<string>);
  /** What has to be seen before it is taken. */
  seen: (page: Page) => Promise<void>;
}

const folder = fileURLToPath(new URL('../../../../docs/studio/', import.meta.url));
const biggest = 150_000; // bytes: they are in the repository

const cell = (page: Page, name: string | RegExp) => page.getByRole('row', { name }).first();

const pictures: Picture[] = [
  { name: 'overview', user: 'operator', path: '/', seen: (page) => expect(page.getByRole('region', { name: 'Active leases' }).getByText('slow lists').first()).toBeVisible() },
  {
    name: 'logs',
    user: 'operator',
    path: '/logs?q=partner+or+service:gateway&since=15m&columns=status',
    seen: async (page) => {
      await page.getByRole('list', { name: 'Records' }).getByRole('listitem').nth(3).getByRole('button').first().click();
      await expect(page.getByRole('table', { name: 'Fields' })).toBeVisible();
    },
  },
  { name: 'levels', user: 'operator', path: '/levels?open=catalogs', seen: (page) => expect(cell(page, /catalogs\.http/)).toBeVisible() },
  { name: 'receipt', user: 'operator', path: async (page) => `/levels?lease=${(await call(page, 'operator', 'GET', '/api/maintenance/v1/leases?kind=level')).leases[0].id}`, seen: (page) => expect(page.getByText(/instances? at DEBUG/).first()).toBeVisible() },
  { name: 'schedules', user: 'operator', path: '/schedules', seen: (page) => expect(page.getByRole('grid').first()).toBeVisible() },
  { name: 'schedule', user: 'operator', path: '/schedules/catalogs.event-purge', seen: (page) => expect(page.getByRole('grid').first()).toBeVisible() },
  { name: 'audit', user: 'operator', path: '/audit', seen: (page) => expect(cell(page, /set a lease: level/)).toBeVisible() },
  { name: 'users', user: 'administrator', path: '/users', seen: (page) => expect(cell(page, /^administrator you/)).toBeVisible() },
];

test('the pictures of the studio', async ({ page }) => {
  test.setTimeout(280_000);
  const lease = { kind: 'level', service: 'catalogs', logger: 'catalogs.http', value: 'debug', ttl: '10m', reason: 'slow lists' };
  await call(page, 'operator', 'POST', '/api/maintenance/v1/leases', lease);
  for (let i = 0; i < 3; i++) await call(page, 'operator', 'POST', '/api/scheduler/v1/schedules/catalogs.event-purge/run', {});
  const warned = () => call(page, 'viewer', 'GET', `/api/maintenance/v1/logs?since=15m&limit=1&q=${encodeURIComponent('level:warn partner')}`);
  await expect.poll(async () => (await warned()).records?.length ?? 0, { timeout: 120_000, message: 'the demo refuses a partner’s orders once a minute' }).toBeGreaterThan(0);
  await page.setViewportSize({ width: 1280, height: 800 });
  let user: User | undefined;
  for (const one of pictures) {
    if (one.user !== user) await page.context().clearCookies();
    user = one.user;
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
      if (theme === 'light') {
        await open(page, one.user, '/');
        await page.goto(`/studio${typeof one.path === 'string' ? one.path : await one.path(page)}`);
        await one.seen(page);
      }
      await take(page, `${one.name}-${theme}`, theme);
    }
  }
});

/** As WebP, which the browser makes itself. */
async function take(page: Page, name: string, theme: 'light' | 'dark') {
  await expect(page.locator('html')).toHaveClass(theme === 'dark' ? /pf-v6-theme-dark/ : /sb-light/);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  const browser = await page.context().newCDPSession(page);
  const { data } = await browser.send('Page.captureScreenshot', { format: 'webp', quality: 82 });
  await browser.detach();
  const picture = Buffer.from(data, 'base64');
  expect(picture.length, `${name}: ${picture.length} bytes`).toBeLessThan(biggest);
  writeFileSync(`${folder}${name}.webp`, picture);
}
