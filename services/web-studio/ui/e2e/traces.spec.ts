import { readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { expect, open, properEverywhere, test, token } from './kit';

/** Asks the mesh for something, and tells the trace of the answer. */
async function traced(page: Page, path: string): Promise<string> {
  const answer = await page.request.get(path, { headers: { Authorization: `Bearer ${await token(page, 'operator')}` } });
  return answer.headers()['x-trace-id'] ?? '';
}

test('a pasted id leads to the log lines of the trace, whether there are spans or not', async ({ page }) => {
  const id = await traced(page, '/api/catalogs/v1/types/there-is-none');
  await open(page, 'viewer', '/traces');
  const field = page.getByRole('textbox', { name: 'Trace id' });
  await field.fill('no id');
  await page.getByRole('button', { name: 'Show the trace' }).click();
  await expect(page.getByText('There is no id in this.')).toBeVisible();
  await properEverywhere(page, 'traces');

  await field.fill(`00-${id}-00f067aa0ba902b7-01`);
  await field.press('Enter');
  await expect(page).toHaveURL(new RegExp(`/studio/traces/${id}$`));
  await expect(page.getByText('Spans are not shown: nobody has said where they are kept.')).toBeVisible();
  const lines = page.getByRole('treegrid', { name: 'Spans and log lines' });
  await expect(async () => {
    await page.getByRole('button', { name: 'Load anew' }).click(); // the line is on its way still
    await expect(lines.getByRole('row', { name: /INFO .*request.*status=404/ }).first()).toBeVisible({ timeout: 1_000 });
  }).toPass();
  await page.getByRole('combobox', { name: 'Level' }).selectOption('error');
  await expect(page).toHaveURL(/level=error/);
  await expect(page.getByText('No log line of this trace matches')).toBeVisible();
  await page.goBack();
  await expect(lines.getByRole('row', { name: /status=404/ }).first()).toBeVisible();
});

test('a log record leads to its trace', async ({ page }) => {
  const id = await traced(page, '/api/catalogs/v1/types/nor-this-one');
  await open(page, 'viewer', `/logs?q=trace:${id}`);
  await expect(async () => {
    await page.getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByRole('button', { name: /INFO.*request/ }).first().click({ timeout: 1_000 });
  }).toPass();
  await page.getByRole('link', { name: 'Its trace' }).click();
  await expect(page.getByRole('heading', { level: 1, name: `Trace ${id.slice(0, 8)}` })).toBeVisible();
});

test('spans and log lines are a tree for mouse and keyboard', async ({ page }) => {
  // The answer of a mesh that runs with Jaeger, as it was: this one here has none.
  const recorded = JSON.parse(readFileSync(new URL('./recorded/trace.json', import.meta.url), 'utf8'));
  await page.route(/\/api\/maintenance\/v1\/traces\//, (route) => route.fulfill({ json: recorded }));
  await open(page, 'viewer', `/traces/${recorded.trace_id}`);
  const tree = page.getByRole('treegrid', { name: 'Spans and log lines' });
  const gateway = tree.getByRole('row', { name: /gateway POST \/api\/catalogs\// });
  await expect(gateway).toHaveAttribute('aria-expanded', 'true');
  await expect(tree.getByRole('row', { name: /failed catalogs → publish signalbox.events no queue takes this key/ })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Open in Jaeger' })).toHaveAttribute('href', recorded.links.trace);

  await gateway.focus();
  await page.keyboard.press('ArrowDown');
  const catalogs = tree.getByRole('row', { name: /catalogs POST/ });
  await expect(catalogs).toBeFocused();
  await page.keyboard.press('ArrowLeft');
  await expect(catalogs).toHaveAttribute('aria-expanded', 'false');
  await expect(tree.getByRole('row', { name: /INSERT types/ })).toBeHidden();
  await page.getByRole('button', { name: /Next error/ }).click();
  const publish = tree.getByRole('row', { name: /publish signalbox.events/ });
  await expect(publish).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(publish.getByRole('row', { name: /otel.status_description no queue takes this key/ })).toBeVisible();
  await properEverywhere(page, 'trace');
});
