import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { call, expect, open, proper, properEverywhere, test } from './kit';

const leases = '/api/maintenance/v1/leases';
const lines = async (page: Page, q: string) => (await call(page, 'viewer', 'GET', `/api/maintenance/v1/logs?since=5m&q=${encodeURIComponent(q)}`)).records?.length ?? 0;

test('a level is changed by the keyboard, the receipt fills in, its lines come, and it ends by itself', async ({ page }) => {
  await open(page, 'operator', '/levels?open=scheduler');
  const tree = page.getByRole('grid', { name: 'Levels' });
  await tree.getByRole('button', { name: 'Change the level of scheduler.http', exact: true }).focus();
  await page.keyboard.press('Enter');
  const form = page.getByRole('dialog', { name: 'Change a level' });
  await expect(form.getByLabel('Logger')).toHaveValue('scheduler.http');
  await expect(form.getByText(/It would add .* lines\/s, .* MB\/s, on 1 instance\./)).toBeVisible();
  await form.getByLabel('Time to live').fill('12s');
  await page.keyboard.press('Enter');
  await expect(form.getByText('Say why. It stands in the audit')).toBeVisible();
  await form.getByLabel('Reason').fill('watched by a test');
  await page.keyboard.press('Enter');
  const lease = page.getByRole('dialog', { name: 'Level: scheduler.http on scheduler' });
  await expect(lease.getByText('1 of 1 instance at DEBUG')).toBeVisible();
  await call(page, 'viewer', 'GET', '/api/scheduler/v1/schedules'); // while it holds
  await expect(lease.getByRole('grid', { name: 'Receipt', exact: true }).getByRole('row', { name: /^scheduler-1 .*applied .*after/ })).toBeVisible();
  await expect(lease.getByText(/^\d+ s left$/)).toBeVisible();
  expect(page.url()).toMatch(/lease=[0-9a-f-]{36}/);
  await expect.poll(() => lines(page, 'logger:scheduler.http level:debug')).toBeGreaterThan(0);
  await page.reload(); // the address alone shows it again
  await expect(lease.getByText('expired', { exact: true })).toBeVisible({ timeout: 25_000 });
  await expect(lease.getByText('1 of 1 instance without the lease')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(lease).toBeHidden();
  await expect(tree.getByRole('row', { name: /^scheduler\.http INFO — INFO/ })).toBeVisible();
});

test('the requests of one user are debugged, and of nobody else', async ({ page }) => {
  const { id } = await call(page, 'viewer', 'GET', '/api/identity/v1/me');
  await open(page, 'operator', '/levels?tab=debug');
  await page.getByRole('button', { name: 'Debug some requests…' }).click();
  const form = page.getByRole('dialog', { name: 'Debug some requests' });
  await form.getByLabel('User').fill(id);
  await form.getByLabel('Reason').fill('ticket of the viewer');
  await form.getByRole('button', { name: 'Debug them' }).click();
  const shown = page.getByRole('dialog', { name: 'Targeted debug: all services' });
  await expect(shown.getByText(/^(\d+) of \1 instances with the lease$/)).toBeVisible();
  const lease = new URL(page.url()).searchParams.get('lease');
  await call(page, 'operator', 'GET', '/api/catalogs/v1/types');
  await call(page, 'viewer', 'GET', '/api/catalogs/v1/types');
  await expect.poll(() => lines(page, `lease_id:${lease} level:debug`)).toBeGreaterThan(0);
  await shown.getByRole('button', { name: 'Close' }).last().click();
  await page.getByRole('button', { name: /^End .*user/ }).first().click();
  const asked = page.getByRole('dialog', { name: 'End this targeted debug now?' });
  await expect(asked.getByText('No new request is picked out')).toBeVisible();
  await asked.getByRole('button', { name: 'End it now' }).click();
  await expect(shown.getByText('dropped', { exact: true })).toBeVisible();
});

test('a viewer sees, and cannot change', async ({ page }) => {
  const { lease } = await call(page, 'operator', 'POST', leases, { kind: 'level', service: 'identity', value: 'debug', ttl: '5m', reason: 'seen by a viewer' });
  await open(page, 'viewer', '/levels?changed=1');
  const tree = page.getByRole('grid', { name: 'Levels' });
  await expect(tree.getByRole('row', { name: /^(Loggers of )?identity .*INFO DEBUG DEBUG/ })).toBeVisible();
  for (const name of ['Change a level…', 'Change the level of identity', 'Reset the level of identity']) {
    const button = page.getByRole('button', { name, exact: true });
    await expect(button).toHaveAttribute('aria-disabled', 'true');
    await button.focus();
    await expect(page.getByRole('tooltip').getByText(/This needs the role operator/)).toBeVisible();
    await page.keyboard.press('Escape');
  }
  await page.goto('/studio/levels?do=level&service=identity');
  const form = page.getByRole('dialog', { name: 'Change a level' });
  await expect(form.getByText('This needs the role operator for identity.')).toBeVisible();
  await expect(form.getByRole('button', { name: 'Change the level' })).toHaveAttribute('aria-disabled', 'true');
  await call(page, 'operator', 'DELETE', `${leases}/${lease.id}`);
});

test('who operates one service changes that one alone, and a window says what it does before it is opened', async ({ page }) => {
  await open(page, 'catalogs-operator', '/levels');
  await page.getByRole('tab', { name: 'Maintenance windows' }).click();
  await page.getByRole('button', { name: 'Open a window…' }).click();
  const form = page.getByRole('dialog', { name: 'Open a maintenance window' });
  await expect(form.getByRole('option', { name: 'gateway (not yours to change)' })).toBeDisabled();
  await form.getByLabel('Service').selectOption('catalogs');
  await form.getByLabel('Reason').fill('the disk');
  await form.getByRole('button', { name: 'Open the window…' }).click();
  const asked = page.getByRole('dialog', { name: 'Take catalogs out of service?' });
  await expect(asked.getByText('callers get 503 with the message')).toBeVisible();
  await asked.getByRole('button', { name: 'Cancel' }).click();
  await expect(form.getByLabel('Reason')).toHaveValue('the disk');
});

test('a profile is captured, downloaded and deleted', async ({ page }) => {
  const reason = `memory ${Date.now()}`;
  await open(page, 'operator', '/levels?tab=profiles');
  await page.goto('/studio/levels?tab=profiles&do=profile&service=catalogs&profile=heap');
  const form = page.getByRole('dialog', { name: 'Capture a profile' });
  await form.getByLabel('Reason').fill(reason);
  await form.getByRole('button', { name: 'Capture it' }).click();
  const lease = page.getByRole('dialog', { name: 'Profile: catalogs' });
  await expect(lease.getByText('1 of 1 instance with the lease')).toBeVisible();
  const row = lease.getByRole('grid', { name: 'Profiles' }).getByRole('row', { name: new RegExp(`^heap catalogs-1 .*${reason}`) });
  await expect(row).toBeVisible({ timeout: 20_000 });
  const coming = page.waitForEvent('download');
  await row.getByRole('button', { name: /^Download / }).click();
  const file = readFileSync(await (await coming).path());
  expect([file[0], file[1]]).toEqual([0x1f, 0x8b]); // pprof's form is gzip
  await lease.getByRole('button', { name: 'Close' }).last().click();
  await page.getByRole('grid', { name: 'Profiles' }).getByRole('row', { name: new RegExp(reason) }).getByRole('button', { name: /^Delete / }).click();
  await expect(page.getByText('goes for everybody, and cannot be brought back')).toBeVisible();
  await page.getByRole('button', { name: 'Delete it' }).click();
  await expect(page.getByRole('row', { name: new RegExp(reason) })).toHaveCount(0);
});

test('each part of the page is proper', async ({ page }) => {
  test.setTimeout(90_000);
  const { lease } = await call(page, 'operator', 'POST', leases, { kind: 'level', service: 'gateway', logger: 'gateway.http', value: 'debug', ttl: '5m', reason: 'a picture of it' });
  await open(page, 'operator', '/levels?q=gateway');
  await expect(page.getByRole('grid', { name: 'Levels' }).getByText('a picture of it').first()).toBeVisible();
  await properEverywhere(page, 'levels');
  await page.goto('/studio/levels?do=level&service=catalogs');
  await expect(page.getByText(/It would add/)).toBeVisible();
  await proper(page, 'levels-change');
  await page.goto(`/studio/levels?tab=leases&ended=1&lease=${lease.id}`);
  await expect(page.getByText('1 of 1 instance at DEBUG')).toBeVisible();
  await proper(page, 'levels-receipt');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('grid', { name: 'Leases' }).getByText('a picture of it').first()).toBeVisible();
  await proper(page, 'levels-leases');
  await call(page, 'operator', 'DELETE', `${leases}/${lease.id}`);
});
