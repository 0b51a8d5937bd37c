import { expect, open, picture, proper, test } from './kit';

test('the theme is kept', async ({ page }) => {
  await open(page, 'viewer');
  await page.getByRole('button', { name: /User menu/ }).click();
  await proper(page, 'user-menu');
  await page.getByRole('menuitem', { name: 'Dark' }).click();
  await expect(page.locator('html')).toHaveClass(/pf-v6-theme-dark/);
  await page.reload();
  await expect(page.locator('html')).toHaveClass(/pf-v6-theme-dark/);
});

test('the keyboard skips to the content', async ({ page }) => {
  await open(page, 'viewer');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to content' });
  await expect(skip).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#main')).toBeFocused();
});

test('an address that is no page says so', async ({ page }) => {
  await open(page, 'viewer', '/no/such/page');
  await expect(page.getByRole('heading', { name: 'There is no such page' })).toBeVisible();
  await proper(page, 'missing');
  await page.getByRole('link', { name: 'Go to the overview' }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
});

test('what the page may load is bounded', async ({ page }) => {
  const response = await page.goto('/studio/');
  const policy = response?.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toContain('unsafe');
  expect(response?.headers()['cache-control']).toBe('no-cache');
  const script = await page.locator('script[src]').first().getAttribute('src');
  const asset = await page.request.get(script ?? '');
  expect(asset.headers()).toMatchObject({ 'cache-control': 'public, max-age=31536000, immutable', 'content-encoding': 'br' });
});

test('what is old is called stale while the mesh does not answer, and fresh again after', async ({ page, context }) => {
  await open(page, 'viewer', '/levels');
  await expect(page.getByRole('grid', { name: 'Levels' })).toBeVisible();
  await context.setOffline(true);
  await expect(page.getByText(/^Stale: as of \d\d:\d\d:\d\d/).first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByRole('grid', { name: 'Levels' })).toBeVisible(); // it is shown all the same
  await picture(page, 'stale');
  await context.setOffline(false);
  await expect(page.getByText(/^Stale/)).toHaveCount(0, { timeout: 30_000 });
});
