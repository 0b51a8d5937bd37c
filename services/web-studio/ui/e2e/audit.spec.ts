import { expect, open, test } from './kit';

test('where nothing was changed the page says what would be there', async ({ page }) => {
  await open(page, 'viewer', '/audit?actor=nobody-of-this-name');
  await expect(page.getByText('No change is like that')).toBeVisible();
  await page.getByRole('button', { name: 'Show all of the last 7 days' }).click();
  await expect(page).toHaveURL(/audit\?since=7d$/);
  await page.goto('/studio/audit?change=999999999');
  await expect(page.getByText('There is no such change, or it is of a service that you may not see.')).toBeVisible();
});
