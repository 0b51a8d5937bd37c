import { call, expect, open, properEverywhere, test } from './kit';

test('the fleet shows each instance, is narrowed and ordered by its address, and leads to one', async ({ page }) => {
  await open(page, 'viewer', '/fleet');
  await expect(page.getByText(/^\d+ instances of \d+ services in one process, in .* of memory\.$/)).toBeVisible();
  const instances = page.getByRole('grid', { name: 'Instances' });
  for (const name of ['catalogs-1', 'gateway-1', 'identity-1', 'scheduler-1', 'view-service-1', 'web-studio-1']) {
    await expect(instances.getByRole('row', { name: new RegExp(`^${name} ?127\\.0\\.0\\.1:\\d+ up all .* [MK]B \\d+ (INFO|DEBUG)`) })).toBeVisible(); // other tests turn levels up
  }
  await properEverywhere(page, 'fleet');
  await instances.getByRole('button', { name: 'Uptime' }).click();
  await expect(page).toHaveURL(/sort=uptime/);
  await page.getByRole('textbox', { name: 'Find instances' }).fill('sched');
  await expect(page).toHaveURL(/q=sched/);
  await expect(instances.getByRole('row')).toHaveCount(2);
  await page.reload(); // the address alone shows it again
  await expect(instances.getByRole('row')).toHaveCount(2);
  await expect(instances.getByRole('columnheader', { name: 'Uptime' })).toHaveAttribute('aria-sort', 'ascending');
  await instances.getByRole('link', { name: 'scheduler-1' }).click();
  await expect(page.getByRole('heading', { name: 'scheduler-1', level: 1 })).toBeVisible();
  await page.goto('/studio/fleet?q=nobody+has+this+name');
  await expect(page.getByText('No instance is like that')).toBeVisible();
});

test('an instance tells how it is and was, what it takes and says, and what is changed there', async ({ page }) => {
  const { lease } = await call(page, 'operator', 'POST', '/api/maintenance/v1/leases', { kind: 'level', service: 'catalogs', instance: 'catalogs-1', logger: 'catalogs.http', value: 'debug', ttl: '5m', reason: 'seen on its page' });
  await open(page, 'viewer', '/fleet/catalogs-1');
  const checks = page.getByRole('region', { name: 'Checks' });
  await expect(checks.getByRole('img', { name: /^The instance: up since/ })).toBeVisible();
  await expect(checks.getByRole('img', { name: /^postgres-catalogs: up since/ })).toBeVisible();
  const takes = page.getByRole('region', { name: 'What it takes' });
  await expect(takes.getByRole('img', { name: /^Memory: .*MB now, between/ })).toBeVisible();
  await expect(takes.getByRole('img', { name: /^Goroutines: \d+ now/ })).toBeVisible();
  await expect(takes.getByText(/which catalogs-1 shares with/)).toBeVisible();
  await expect(page.getByRole('region', { name: 'Leases' }).getByText('seen on its page')).toBeVisible();
  await expect(page.getByRole('region', { name: 'Levels' }).getByRole('row', { name: /^catalogs\.http INFO DEBUG leased/ })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Newest lines' }).getByRole('listitem').first()).toBeVisible();
  await expect(page.getByRole('button', { name: 'Capture a profile…' })).toHaveAttribute('aria-disabled', 'true');
  await properEverywhere(page, 'instance');
  await page.getByRole('region', { name: 'Newest lines' }).getByRole('link', { name: 'In the log' }).click();
  await expect(page.getByLabel('Query', { exact: true })).toHaveValue('service:catalogs instance:catalogs-1');
  await call(page, 'operator', 'DELETE', `/api/maintenance/v1/leases/${lease.id}`);
  await page.goto('/studio/fleet/nobody-1');
  await expect(page.getByText('no such instance')).toBeVisible();
});

test('an operator captures a profile where he looks', async ({ page }) => {
  await open(page, 'operator', '/fleet/identity-1');
  await page.getByRole('button', { name: 'Capture a profile…' }).click();
  const form = page.getByRole('dialog', { name: 'Capture a profile' });
  await expect(form.getByLabel('Instance')).toHaveValue('identity-1');
  await form.getByLabel('Profile', { exact: true }).selectOption('heap');
  await form.getByLabel('Reason').fill('looked at by the fleet');
  await form.getByRole('button', { name: 'Capture it' }).click();
  const lease = page.getByRole('dialog', { name: 'Profile: identity-1' });
  await expect(lease.getByRole('button', { name: /^Download .*heap/ })).toBeVisible({ timeout: 20_000 });
  await lease.getByRole('button', { name: 'Close' }).last().click();
  const profiles = page.getByRole('region', { name: 'Profiles' });
  const download = page.waitForEvent('download');
  await profiles.getByRole('button', { name: /^Download .*heap/ }).first().click();
  expect((await download).suggestedFilename()).toMatch(/heap/);
});
