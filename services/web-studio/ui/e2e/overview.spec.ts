import { call, expect, open, properEverywhere, test } from './kit';

test('the overview tells how the mesh is', async ({ page }) => {
  await open(page, 'viewer');
  await expect(page.getByText(/^All is well: \d+ services/)).toBeVisible();
  const services = page.getByRole('grid', { name: 'Services' });
  for (const name of ['catalogs', 'gateway', 'identity', 'scheduler', 'view-service', 'web-studio']) {
    await expect(services.getByRole('row', { name: new RegExp(`^${name} up`) })).toBeVisible();
  }
  await properEverywhere(page, 'overview');
});

test('a lease comes and goes', async ({ page }) => {
  await open(page, 'viewer');
  const leases = page.getByRole('region', { name: 'Active leases' });
  const { lease } = await call(page, 'operator', 'POST', '/api/maintenance/v1/leases', { kind: 'level', service: 'catalogs', value: 'debug', ttl: '5m', reason: 'looked at by the overview' });
  await expect(leases.getByText('looked at by the overview')).toBeVisible();
  await expect(leases.getByRole('listitem').filter({ hasText: 'looked at by the overview' }).getByText(/min .*left/)).toBeVisible();
  await call(page, 'operator', 'DELETE', `/api/maintenance/v1/leases/${lease.id}`);
  await expect(leases.getByText('looked at by the overview')).toBeHidden();
});
