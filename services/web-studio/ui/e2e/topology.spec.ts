import type { Page } from '@playwright/test';
import { call, expect, open, proper, properEverywhere, test } from './kit';

const drawn = (page: Page, name: RegExp) => page.getByRole('button', { name });

test('the mesh is drawn, and a node leads further', async ({ page }) => {
  await open(page, 'viewer', '/topology?idle=1');
  const catalogs = drawn(page, /^catalogs, 1 instance, up/);
  await expect(catalogs).toBeVisible();
  await expect(drawn(page, /^postgresql, server, up/)).toBeVisible();
  await expect(drawn(page, /^catalogs to postgresql: .* calls per second/)).toBeVisible({ timeout: 30_000 });
  await catalogs.focus();
  await page.keyboard.press('Enter');
  const panel = page.getByRole('region', { name: 'catalogs', exact: true });
  await expect(panel.getByRole('grid', { name: 'What catalogs calls' }).getByRole('button', { name: /^catalogs to postgresql/ })).toBeVisible();
  await expect(panel.getByRole('link', { name: 'Its warnings and errors' })).toHaveAttribute('href', /q=service:catalogs\+level/);
  await expect(page).toHaveURL(/node=catalogs/);
  await properEverywhere(page, 'topology');
});

test('the table says the same', async ({ page }) => {
  await open(page, 'viewer', '/topology?idle=1');
  await page.getByRole('button', { name: 'Table', exact: true }).click();
  await expect(page.getByRole('grid', { name: 'Nodes' }).getByRole('row', { name: /^gateway.* up/ })).toBeVisible();
  await page.getByRole('grid', { name: 'Connections' }).getByRole('button', { name: 'catalogs to postgresql: show its panel' }).click();
  await expect(page.getByRole('region', { name: 'catalogs → postgresql' })).toBeVisible();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.setViewportSize({ width: 390, height: 844 });
  await proper(page, 'topology-table-390');
});

test('a policy is set and a fault injected on a connection, and both are ended', async ({ page }) => {
  await call(page, 'operator', 'GET', '/api/catalogs/v1/types'); // so that there is a connection
  await open(page, 'operator', '/topology?idle=1&edge=gateway>catalogs');
  const panel = page.getByRole('region', { name: 'gateway → catalogs' });
  await panel.getByRole('button', { name: 'Set a policy…' }).click({ timeout: 30_000 });
  const form = page.getByRole('dialog');
  await form.getByRole('button', { name: 'Set the policy' }).click();
  await expect(form.getByText('Say at least one thing that is not as by default.')).toBeVisible();
  await form.getByLabel('Timeout', { exact: true }).fill('9s');
  await form.getByLabel('Reason').fill('proved in the browser');
  await form.getByRole('button', { name: 'Set the policy' }).click();
  await expect(page.getByRole('dialog').getByText('1 of 1 instance with the lease')).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  await expect(panel.getByText('timeout 9.0 s')).toBeVisible();

  await panel.getByRole('button', { name: 'Inject a fault…' }).click();
  await form.getByLabel('Share of the calls, percent').fill('1');
  await form.getByLabel('What happens').selectOption('delay');
  await form.getByLabel('Delay').fill('1ms');
  await form.getByLabel('Reason').fill('proved in the browser');
  await form.getByRole('button', { name: 'Inject the fault…' }).click();
  await expect(form.getByText('1 % of the calls from gateway to catalogs will wait 1ms for 5m.')).toBeVisible();
  await form.getByRole('button', { name: 'Inject the fault', exact: true }).click();
  await expect(page.getByRole('dialog').getByText('1 of 1 instance with the lease')).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  await expect(drawn(page, /^gateway to catalogs: .*a fault is injected/)).toBeVisible();

  for (const kind of ['fault', 'policy']) {
    await panel.getByRole('button', { name: new RegExp(`^End the ${kind}`) }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End it now' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click();
  }
  await expect(panel.getByText(/^The defaults hold/)).toBeVisible();
});

test('who may only look is told so', async ({ page }) => {
  await call(page, 'operator', 'GET', '/api/catalogs/v1/types');
  await open(page, 'viewer', '/topology?idle=1&edge=gateway>catalogs');
  const button = page.getByRole('region', { name: 'gateway → catalogs' }).getByRole('button', { name: 'Inject a fault…' });
  await expect(button).toHaveAttribute('aria-disabled', 'true', { timeout: 30_000 });
});
