import type { Page } from '@playwright/test';
import { call, expect, password, test } from './kit';

/** Presses Tab until the focus is on what is looked for: what it cannot reach cannot be used without a mouse. */
async function tabTo(page: Page, name: RegExp, most = 60) {
  for (let i = 0; i < most; i++) {
    const focused = page.locator(':focus');
    if ((await focused.count()) > 0 && name.test((await focused.ariaSnapshot()).split('\n')[0] ?? '')) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${name}`);
}

test('without a mouse: sign in, find a line, turn its level up, see what it says then', async ({ page }) => {
  await page.goto('/studio/');
  await expect(page.getByLabel('Name')).toBeFocused();
  await page.keyboard.type('operator');
  await page.keyboard.press('Tab');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await expect(page.getByText(/^All is well|things? (is|are) wrong/i).first()).toBeVisible();

  await tabTo(page, /link "Logs"/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Logs', level: 1 })).toBeVisible();
  await expect(page.getByRole('list', { name: 'Records' }).getByRole('listitem').first()).toBeVisible();
  await page.keyboard.press('/');
  await page.keyboard.type('service:catalogs');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/service:catalogs/);
  const records = page.getByRole('list', { name: 'Records' }).getByRole('listitem');
  await expect(records.first()).toContainText('catalogs');
  await tabTo(page, /region "Log"/);
  await page.keyboard.press('j');
  await expect(page.locator('.sb-line:focus')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('table', { name: 'Fields' })).toBeVisible();

  await page.keyboard.press('Escape');
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await tabTo(page, /link "Levels & leases"/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('grid', { name: 'Levels' })).toBeVisible();
  await tabTo(page, /textbox "Find a service/);
  await page.keyboard.type('catalogs.http');
  await expect(page.getByRole('textbox', { name: /^Find a service/ })).toHaveValue('catalogs.http');
  await expect(page).toHaveURL(/q=catalogs\.http/);
  await tabTo(page, /button "Change the level of catalogs.http"/);
  await page.keyboard.press('Enter');
  const form = page.getByRole('dialog', { name: 'Change a level' });
  await expect(form.getByText(/It would add/)).toBeVisible();
  await tabTo(page, /textbox "Reason/);
  await page.keyboard.type('without a mouse');
  await page.keyboard.press('Enter');
  const lease = page.getByRole('dialog', { name: 'Level: catalogs.http on catalogs' });
  await expect(lease.getByText('1 of 1 instance at DEBUG')).toBeVisible();
  await call(page, 'viewer', 'GET', '/api/catalogs/v1/types');
  const found = `/api/maintenance/v1/logs?since=5m&q=${encodeURIComponent('logger:catalogs.http level:debug')}`;
  await expect.poll(async () => (await call(page, 'viewer', 'GET', found)).records?.length ?? 0).toBeGreaterThan(0); // the page asks once
  await tabTo(page, /link "Its lines in the log"/);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Logs', level: 1 })).toBeVisible();
  await expect(records.filter({ hasText: 'DEBUG' }).first()).toBeVisible();
  await page.goBack();
  await expect(lease).toBeVisible();
  await tabTo(page, /button "End it now/);
  await page.keyboard.press('Enter');
  await tabTo(page, /button "End it now"/);
  await page.keyboard.press('Enter');
  await expect(lease.getByText('dropped', { exact: true })).toBeVisible();
});
