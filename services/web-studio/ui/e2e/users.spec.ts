import { call, expect, open, proper, properEverywhere, test } from './kit';

const users = '/api/identity/v1/users';

test('a user is made with a password that is shown once, and signs in with it', async ({ page, browser }) => {
  const name = `anna-${Date.now().toString(36)}`;
  await open(page, 'administrator', '/users');
  await page.getByRole('button', { name: 'Make a user…' }).click();
  const form = page.getByRole('dialog', { name: 'Make a user' });
  await form.getByLabel(/^Name/).fill(name);
  await form.getByLabel('Scope of operator').selectOption('some');
  await form.getByRole('group', { name: 'operator' }).getByLabel('catalogs').check();
  await proper(page, 'users-new');
  await form.getByRole('button', { name: 'Make the user' }).click();
  const made = page.getByRole('dialog', { name: `${name} can sign in` });
  await expect(made.getByText('With operator for catalogs; viewer for all services.')).toBeVisible();
  const password = await made.getByLabel(`The password of ${name}`).inputValue();
  expect(password).toMatch(/^(\w{4}-){4}\w{4}$/);
  await made.getByRole('button', { name: 'I have it' }).click();
  await expect(page.getByRole('heading', { name, level: 1 })).toBeVisible();
  await expect(page.getByText(password)).toHaveCount(0);
  expect(page.url()).not.toContain(password);

  const other = await browser.newContext();
  const there = await other.newPage();
  await there.goto('/studio/users');
  await there.getByLabel('Name').fill(name);
  await there.getByLabel('Password').fill(password);
  await there.keyboard.press('Enter');
  await expect(there.getByText('This needs the role admin for identity.')).toBeVisible();

  // What is done about her: signed out, blocked, let in again.
  await page.getByRole('button', { name: 'Sign out everywhere…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  await there.reload();
  await expect(there.getByRole('heading', { name: /^Sign in to / })).toBeVisible();
  await page.getByRole('button', { name: 'Block…' }).click();
  await expect(page.getByRole('dialog').getByText('and no other begins')).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
  await expect(page.getByText('blocked', { exact: true })).toBeVisible();
  await there.getByLabel('Name').fill(name);
  await there.getByLabel('Password').fill(password);
  await there.keyboard.press('Enter');
  await expect(there.getByText('You are not signed in.')).toBeVisible();
  await page.getByRole('button', { name: 'Unblock…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Unblock' }).click();
  await expect(page.getByText('can sign in', { exact: true })).toBeVisible();
  await other.close();
});

test('roles are changed once it is said what that gives and takes', async ({ page }) => {
  const name = `bert-${Date.now().toString(36)}`;
  const { id } = await call(page, 'administrator', 'POST', users, { name, grants: [{ role: 'viewer' }, { role: 'operator', services: ['catalogs', 'gateway'] }] });
  await open(page, 'administrator', `/users?q=${name.toUpperCase()}`);
  const table = page.getByRole('grid', { name: 'Users' });
  await expect(table.getByRole('row', { name: new RegExp(`${name} operator for catalogs and gateway; viewer for all services no password`) })).toBeVisible();
  await table.getByRole('link', { name }).click();
  await expect(page).toHaveURL(new RegExp(`/users/${id}$`));
  await properEverywhere(page, 'user');
  await page.getByRole('button', { name: 'Change roles…' }).click();
  const form = page.getByRole('dialog', { name: `Roles of ${name}` });
  await expect(form.getByRole('button', { name: 'Change them…' })).toBeDisabled();
  await form.getByRole('group', { name: 'operator' }).getByLabel('gateway').uncheck();
  await form.getByLabel('Scope of builder').selectOption('all');
  await form.getByRole('button', { name: 'Change them…' }).click();
  const asked = page.getByRole('dialog', { name: `Change the roles of ${name}?` });
  await expect(asked.getByText('Takes: operator for gateway')).toBeVisible();
  await expect(asked.getByText('Gives: builder for all services')).toBeVisible();
  await asked.getByRole('button', { name: 'Change them' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  const granted = page.getByRole('list', { name: 'Roles that are granted' });
  await expect(granted.getByText('operator for catalogs', { exact: true })).toBeVisible();
  await expect(granted.getByText('builder for all services')).toBeVisible();
});

test('an administrator does not lock himself out, and finds users page by page', async ({ page }) => {
  const me = await call(page, 'administrator', 'GET', '/api/identity/v1/me');
  await open(page, 'administrator', '/users');
  await expect(page.getByRole('grid', { name: 'Users' }).getByRole('row', { name: /^administrator you admin for all services can sign in/ })).toBeVisible();
  await properEverywhere(page, 'users');
  await page.goto(`/studio/users/${me.id}`);
  const block = page.getByRole('button', { name: 'Block…' });
  await expect(block).toHaveAttribute('aria-disabled', 'true');
  await block.focus();
  await expect(page.getByRole('tooltip').getByText('You would lock yourself out.')).toBeVisible();
  await page.getByRole('button', { name: 'Change roles…' }).click();
  await page.getByLabel('Scope of admin').selectOption('none');
  await page.getByRole('button', { name: 'Change them…' }).click();
  const asked = page.getByRole('dialog', { name: 'Change the roles of administrator?' });
  await expect(asked.getByText('You lock yourself out of this page.')).toBeVisible();
  await expect(asked.getByRole('button', { name: 'Change them' })).toBeDisabled();
  await asked.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
});

test('who is no administrator sees why he may not', async ({ page }) => {
  await open(page, 'viewer', '/users');
  await expect(page.getByText('Users are for administrators')).toBeVisible();
  await expect(page.getByText('This needs the role admin for identity. An administrator can grant it. You are viewer, viewer for all services.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Make a user…' })).toHaveAttribute('aria-disabled', 'true');
  await page.goto('/studio/users/0198c0de-0000-7000-8000-000000000000');
  await expect(page.getByText('Users are for administrators')).toBeVisible();
});
