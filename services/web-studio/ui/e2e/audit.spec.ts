import { call, expect, open, proper, properEverywhere, test } from './kit';

test('a change stands in the audit with its reason and its receipt, and can be found', async ({ page }) => {
  test.setTimeout(90_000);
  const reason = `looked up in the audit ${Date.now()}`;
  const { lease } = await call(page, 'operator', 'POST', '/api/maintenance/v1/leases', { kind: 'level', service: 'web-studio', value: 'debug', ttl: '5m', reason });
  await call(page, 'administrator', 'DELETE', `/api/maintenance/v1/leases/${lease.id}`);
  await open(page, 'viewer', `/audit?subject=${lease.id}`);
  const changes = page.getByRole('grid', { name: 'Changes' });
  await expect(changes.getByRole('row', { name: new RegExp(`operator.*set a lease: level.*web-studio.*INFO.*DEBUG.*${reason} 1 of 1`) })).toBeVisible();
  await expect(changes.getByRole('row', { name: /administrator.*dropped a lease: level/ })).toBeVisible();
  await properEverywhere(page, 'audit');
  await page.getByRole('button', { name: 'Only what administrator did' }).click();
  await expect(changes.getByRole('row')).toHaveCount(2);
  expect(new URL(page.url()).searchParams.get('actor')).toBe('administrator');
  await page.goBack();
  await page.getByLabel('Action').selectOption('lease.set');
  await expect(changes.getByRole('row')).toHaveCount(2);
  await changes.getByRole('button', { name: /^set a lease: level: show change/ }).focus();
  await page.keyboard.press('Enter');
  const one = page.getByRole('dialog', { name: /^Change \d+: set a lease: level$/ });
  await expect(one.getByText('1 of 1 instance with the lease')).toBeVisible();
  await page.reload(); // the address alone shows it again
  await expect(one.getByText(reason)).toBeVisible();
  await proper(page, 'audit-change');
  await one.getByRole('link', { name: /^The lease/ }).click();
  await expect(page.getByRole('dialog', { name: 'Level: web-studio' }).getByText('dropped', { exact: true })).toBeVisible();
});

test('where nothing was changed the page says what would be there', async ({ page }) => {
  await open(page, 'viewer', '/audit?actor=nobody-of-this-name');
  await expect(page.getByText('No change is like that')).toBeVisible();
  await page.getByRole('button', { name: 'Show all of the last 7 days' }).click();
  await expect(page).toHaveURL(/audit\?since=7d$/);
  await page.goto('/studio/audit?change=999999999');
  await expect(page.getByText('There is no such change, or it is of a service that you may not see.')).toBeVisible();
});
