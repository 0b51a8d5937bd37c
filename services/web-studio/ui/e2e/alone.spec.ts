import { expect, open, restart, test, token } from './kit';

test('the mesh starts again and the tail goes on without a gap or a double', async ({ page }) => {
  test.setTimeout(120_000);
  const key = `r${Date.now().toString(36)}`;
  const bearer = await token(page, 'viewer');
  const log = async (i: number) => {
    const answer = await page.request.get(`/api/catalogs/v1/types/${key}-${i}`, { headers: { Authorization: `Bearer ${bearer}` } });
    expect(answer.status()).toBe(404);
  };
  await open(page, 'viewer', `/logs?live=1&columns=path&q=${encodeURIComponent(`logger:gateway.access ${key}`)}`);
  const records = page.getByRole('list', { name: 'Records' }).getByRole('listitem');
  await expect(page.getByText('No record matches')).toBeVisible();
  for (const i of [1, 2, 3]) await log(i);
  await expect(records).toHaveCount(3);
  await restart(page);
  for (const i of [4, 5, 6]) await log(i);
  await expect(records).toHaveCount(6, { timeout: 30_000 });
  expect(await records.allTextContents()).toEqual([6, 5, 4, 3, 2, 1].map((i) => expect.stringContaining(`${key}-${i}`)));
});
