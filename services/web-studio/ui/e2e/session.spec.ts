import { call, enter, expect, open, password, proper, signalbox, test } from './kit';

test('sign-in comes back to the address that was asked for', async ({ page }) => {
  await page.goto('/studio/?x=1');
  await expect(page.getByRole('heading', { name: /^Sign in to / })).toBeVisible();
  await proper(page, 'sign-in');
  await page.getByLabel('Name').fill('viewer');
  await page.getByLabel('Password').fill('not this one at all');
  await page.keyboard.press('Enter');
  await expect(page.getByText('Name or password is wrong.')).toBeVisible();
  await page.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  expect(page.url()).toContain('/studio/?x=1');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
});

test('no script can read the refresh token', async ({ page, context }) => {
  await open(page, 'viewer');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  const [cookie] = await context.cookies(`${new URL(page.url()).origin}/api/identity/v1/sessions`);
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/api/identity/v1/sessions' });
  const seen = await page.evaluate(() => document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage));
  expect(seen).not.toContain('sbr_');
  expect(seen).not.toContain('eyJ');
});

test('the link of `signalbox studio` signs in once, and stays in no history', async ({ page, browser }) => {
  const link = signalbox('studio').trim();
  await page.goto(link);
  await expect(page.getByRole('button', { name: /User menu of admin/ })).toBeVisible();
  expect(page.url()).not.toContain('code');
  const other = await browser.newPage();
  await other.goto(link);
  await expect(other.getByText('The sign-in link did not hold.')).toBeVisible();
  await other.close();
});

test('a session that ended keeps the page and goes on after the sign-in', async ({ page, context }) => {
  await page.clock.install();
  await open(page, 'viewer');
  await expect(page.getByRole('heading', { name: 'Nothing is wrong' })).toBeVisible();
  await context.clearCookies();
  await page.clock.fastForward('06:00');
  const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
  await expect(dialog).toBeVisible();
  await proper(page, 'session-ended');
  await dialog.getByLabel('Name').fill('viewer');
  await dialog.getByLabel('Password').fill(password);
  await page.keyboard.press('Enter');
  await expect(dialog).toBeHidden();
  await expect(page.getByText(/^All is well/)).toBeVisible();
});

test('many tabs that renew at once keep the session', async ({ page, context }) => {
  await enter(context, 'viewer');
  const pages = [page, await context.newPage(), await context.newPage()];
  for (let round = 0; round < 3; round++) {
    await Promise.all(pages.map((p) => p.goto('/studio/')));
    await Promise.all(pages.map((p) => p.reload({ waitUntil: 'commit' }))); // and lose an answer now and then
    await Promise.all(pages.map((p) => expect(p.getByRole('heading', { name: 'Overview' })).toBeVisible()));
  }
});

test('signing out ends it in every tab', async ({ page, context }) => {
  await open(page, 'viewer');
  const other = await context.newPage();
  await other.goto('/studio/');
  await expect(other.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.getByRole('button', { name: /User menu/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out', exact: true }).click();
  for (const p of [page, other]) await expect(p.getByRole('heading', { name: /^Sign in to / })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('heading', { name: /^Sign in to / })).toBeVisible();
});

test('signing out everywhere ends it on other devices', async ({ page, browser }) => {
  const name = `far-${Date.now().toString(36)}`; // whom no other test signs in
  await call(page, 'administrator', 'POST', '/api/identity/v1/users', { name, password, grants: [{ role: 'viewer' }] });
  const device = await browser.newContext();
  const there = await device.newPage();
  await open(there, name);
  await expect(there.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await open(page, name);
  await page.getByRole('button', { name: /User menu/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out everywhere…' }).click();
  await page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(page.getByRole('heading', { name: /^Sign in to / })).toBeVisible();
  await there.reload();
  await expect(there.getByRole('heading', { name: /^Sign in to / })).toBeVisible();
  await device.close();
});

test('one changes one’s own password, and signs in with the new one', async ({ page, context }) => {
  const name = `own-${Date.now().toString(36)}`;
  await call(page, 'administrator', 'POST', '/api/identity/v1/users', { name, password, grants: [{ role: 'viewer' }] });
  await enter(context, name);
  await page.goto('/studio/');
  await page.getByRole('button', { name: /User menu/ }).click();
  await page.getByRole('menuitem', { name: 'Change password…' }).click();
  const form = page.getByRole('dialog', { name: 'Change your password?' });
  await form.getByLabel('Password now').fill(password);
  await form.getByLabel('New password').fill('short');
  await form.getByRole('button', { name: 'Change it' }).click();
  await expect(form.getByText('It was not done.')).toBeVisible();
  await form.getByLabel('New password').fill(`${password} of ${name}`);
  await form.getByRole('button', { name: 'Change it' }).click();
  await expect(page.getByRole('heading', { name: /^Sign in to / })).toBeVisible();
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(`${password} of ${name}`);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
});
