import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, open, proper, properEverywhere, test, token } from './kit';

let n = 0;

/** A word that no other record has. */
const word = () => `w${Date.now().toString(36)}${process.pid}${n++}`;

/** Has the gateway log a line with the word in it. */
async function log(page: Page, key: string, tail = '') {
  const answer = await page.request.get(`/api/catalogs/v1/types/${key}${tail}`, { headers: { Authorization: `Bearer ${await token(page, 'viewer')}` } });
  expect(answer.status()).toBe(404);
}

const search = (key: string) => `logger:gateway.access ${key}`;
const records = (page: Page) => page.getByRole('list', { name: 'Records' }).getByRole('listitem');

test('a line is found by a query, opened, and filtered by', async ({ page }) => {
  const key = word();
  await log(page, key);
  await open(page, 'viewer', '/logs');
  await expect(records(page).first()).toBeVisible();
  await page.keyboard.press('/');
  await expect(page.getByLabel('Query', { exact: true })).toBeFocused();
  await page.keyboard.type(search(key));
  await page.keyboard.press('Enter');
  await expect(records(page)).toHaveCount(1);
  expect(decodeURIComponent(page.url())).toContain(`q=logger:gateway.access+${key}`);

  await page.locator('body').press('Escape');
  await page.getByRole('region', { name: 'Log' }).focus();
  await page.keyboard.press('j');
  await expect(page.locator('.sb-line:focus')).toBeVisible();
  await page.keyboard.press('Enter');
  const fields = page.getByRole('table', { name: 'Fields' });
  await expect(fields.getByRole('row', { name: /^status 404/ })).toBeVisible();
  await proper(page, 'logs-record');
  await fields.getByRole('button', { name: 'Only status 404' }).click();
  await expect(page.getByLabel('Query', { exact: true })).toHaveValue(`${search(key)} status=404`);
  await expect(records(page)).toHaveCount(1);
  await page.getByRole('listitem').getByRole('button', { expanded: false }).first().click();
  await page.getByRole('button', { name: 'Without status 404' }).click();
  await expect(page.getByText('No record matches')).toBeVisible();
  await page.goBack();
  await expect(records(page)).toHaveCount(1);
});

test('a query that cannot be read shows its place', async ({ page }) => {
  await open(page, 'viewer', '/logs?q=level%3E%3Dloud');
  await expect(page.getByText('"loud" is no level').first()).toBeVisible();
  await expect(page.locator('.sb-shown').first()).toContainText('^');
});

test('the tail shows a line within a second, holds it while paused, and shows nothing twice', async ({ page }) => {
  const key = word();
  await open(page, 'viewer', `/logs?q=${encodeURIComponent(search(key))}`);
  await expect(page.getByText('No record matches')).toBeVisible();
  await page.getByText('Live', { exact: true }).click();
  await expect(page).toHaveURL(/live=1/);
  await log(page, key, 'first');
  const began = Date.now();
  await expect(records(page)).toHaveCount(1);
  console.log(`METRIC studio_tail_ms=${Date.now() - began} limit=1000`);
  await page.getByRole('button', { name: 'Pause' }).click();
  await log(page, key, 'second');
  await log(page, key, 'third');
  const held = page.getByRole('button', { name: '2 new' });
  await expect(held).toBeVisible();
  await expect(records(page)).toHaveCount(1);
  await held.click();
  await expect(records(page)).toHaveCount(3);
});

test('the histogram narrows the time', async ({ page }) => {
  await open(page, 'viewer', '/logs');
  await expect(records(page).first()).toBeVisible();
  const chart = page.getByRole('slider', { name: /Records over time/ });
  const box = await chart.boundingBox();
  if (!box) throw new Error('the chart has no place');
  await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 2, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await expect(page).toHaveURL(/since=20.*until=20/);
  await expect(records(page).first()).toBeVisible();
});

test('fields and values are completed', async ({ page }) => {
  await open(page, 'viewer', '/logs');
  await expect(records(page).first()).toBeVisible();
  const query = page.getByLabel('Query', { exact: true });
  await query.click();
  await query.pressSequentially('ser');
  await page.getByRole('option', { name: 'service', exact: true }).click();
  await page.getByRole('option', { name: 'gateway', exact: true }).click();
  await expect(query).toHaveValue('service:gateway ');
  await query.press('Enter');
  await expect(records(page).first()).toContainText('gateway');
});

test('patterns lead to their records, a record to its neighbours, and all of it to a file', async ({ page }) => {
  const key = word();
  await log(page, key);
  await open(page, 'viewer', '/logs?q=service:gateway');
  await expect(records(page).first()).toBeVisible();
  await properEverywhere(page, 'logs');
  await page.getByRole('button', { name: 'Patterns' }).click();
  const patterns = page.getByRole('grid', { name: 'Patterns' });
  await expect(patterns.getByRole('button', { name: 'request', exact: true })).toBeVisible();
  await proper(page, 'logs-patterns');
  await patterns.getByRole('button', { name: 'request', exact: true }).click();
  await expect(records(page).first()).toContainText('request');

  await page.goto(`/studio/logs?q=${encodeURIComponent(search(key))}`);
  await records(page).getByRole('button').first().click();
  await page.getByRole('button', { name: 'Around it in gateway-1' }).click();
  await expect(page.locator('.sb-marked')).toBeVisible();
  await expect.poll(() => records(page).count()).toBeGreaterThan(3);

  await page.goto(`/studio/logs?q=${encodeURIComponent(search(key))}`);
  await expect(records(page)).toHaveCount(1);
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download' }).click();
  await page.getByRole('menuitem', { name: 'NDJSON' }).click();
  const text = readFileSync(await (await download).path(), 'utf8');
  expect(text).toContain(key);
  expect(text).toContain('"complete":true');
});

test('a search is saved, opened again, and taken away', async ({ page }) => {
  const name = `slow ${word()}`;
  await open(page, 'viewer', '/logs?q=service:gateway+level>=info&since=7d');
  await expect(records(page).first()).toBeVisible();
  await page.getByRole('button', { name: 'Saved', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Save this search…' }).click();
  const form = page.getByRole('dialog', { name: 'Save this search' });
  await form.getByLabel('Name').fill(name);
  await page.keyboard.press('Enter');
  await expect(form).toBeHidden();
  await page.goto('/studio/logs');
  await page.getByRole('button', { name: 'Saved', exact: true }).click();
  await page.getByRole('menuitem', { name }).click();
  await expect(page).toHaveURL(/since=7d/);
  await expect(page.getByLabel('Query', { exact: true })).toHaveValue('service:gateway level>=info');
  await page.getByRole('button', { name: 'Saved', exact: true }).click();
  await page.getByRole('menuitem', { name: 'All saved searches…' }).click();
  await page.getByRole('button', { name: `Delete ${name}` }).click();
  await page.getByRole('button', { name: 'Delete it' }).click();
  await expect(page.getByRole('dialog', { name: 'Saved searches' }).getByText(name)).toHaveCount(0);
});
