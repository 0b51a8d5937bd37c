import { call, expect, kill, open, picture, properNow, revive, test } from './kit';

test('an instance that was killed is named as the cause, is lost in the fleet, and its page knows when it was away', async ({ page }) => {
  test.setTimeout(120_000);
  const slow = { timeout: 40_000 }; // three heartbeats are missed before an instance counts as lost
  const known = async () => (await call(page, 'viewer', 'GET', '/api/maintenance/v1/instances')).instances.some((i: { instance: string; health: string }) => i.instance === 'catalogs-1' && i.health === 'up');
  await expect.poll(known, slow).toBe(true); // the mesh is ready a moment before its instances have reported
  await kill(page, 'catalogs-1');
  await open(page, 'viewer');
  const wrong = page.getByRole('region', { name: 'What is wrong' });
  await expect(wrong.getByRole('heading', { name: /catalogs not heard any more since .*; gateway fails because of it/ })).toBeVisible(slow);
  await expect(wrong.getByRole('heading')).toHaveCount(1);
  await expect(wrong.getByText('It drags down gateway.')).toBeVisible();
  await expect(page.getByText(/^One thing is wrong/)).toBeVisible();
  await properNow(page, 'overview-cause');
  await page.goto('/studio/fleet');
  await expect(page.getByRole('grid', { name: 'Instances' }).getByRole('row').nth(1)).toHaveAccessibleName(/^catalogs-1 .*lost heard .* ago/);
  await expect(page.getByRole('row', { name: /^gateway-1 .*degraded upstream-catalogs: / })).toBeVisible();
  await expect(page.getByText(/; 1 instance lost\.$/)).toBeVisible();
  await picture(page, 'fleet-lost');
  await page.goto('/studio/');
  await wrong.getByRole('link', { name: 'catalogs-1' }).click();
  await expect(page.getByRole('heading', { name: 'It is lost' })).toBeVisible();
  await expect(page.getByRole('img', { name: /^The instance: lost since/ })).toBeVisible();
  await revive(page);
  await expect(page.getByRole('img', { name: /^The instance: up since .*; lost at .* for/ })).toBeVisible(slow);
  await expect(page.getByRole('heading', { name: 'It is lost' })).toBeHidden();
  await picture(page, 'instance-back');
});
