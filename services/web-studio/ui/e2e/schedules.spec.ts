import { call, expect, open, proper, properEverywhere, test } from './kit';

const schedules = '/api/scheduler/v1/schedules';

test('a schedule is found in the list, run, and its fire followed to its end', async ({ page }) => {
  await open(page, 'operator', '/schedules');
  const list = page.getByRole('grid', { name: 'Schedules' });
  await page.getByLabel('Part of the name').fill('retention');
  await expect(list.getByRole('row', { name: /^maintenance\.retention every hour/ })).toBeVisible();
  await expect(list.getByRole('row', { name: /purge/ })).toHaveCount(0);
  expect(page.url()).toContain('q=retention');
  await list.getByRole('link', { name: 'scheduler.retention', exact: true }).click();
  await expect(page.getByRole('list', { name: 'Next times' }).getByRole('listitem')).toHaveCount(6);
  await page.getByRole('button', { name: 'Run now…' }).click();
  await page.getByRole('dialog', { name: 'Run scheduler.retention now?' }).getByRole('button', { name: 'Run it now' }).click();
  const fire = page.getByRole('dialog', { name: 'Fire of scheduler.retention' });
  await expect(fire.getByRole('status').getByText('done')).toBeVisible();
  await expect(fire.getByText('by hand, operator')).toBeVisible();
  await expect(fire.getByRole('link', { name: 'Its trace' })).toHaveAttribute('href', /\/studio\/traces\/[0-9a-f]{32}$/);
  await page.reload(); // the address alone shows it again
  await expect(fire.getByText('scheduler-1')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(fire).toBeHidden();
  await expect(page.getByRole('grid', { name: 'Fires' }).getByRole('row', { name: /by hand, operator done .* \d of \d scheduler-1/ }).first()).toBeVisible();
  await expect(page.getByRole('list', { name: /^Last fires of scheduler\.retention: \d+ done/ }).getByRole('link').last()).toHaveAttribute('title', /^done, by hand/);
  await page.getByRole('link', { name: 'All schedules' }).click();
  await page.getByRole('list', { name: /^Last fires of scheduler\.retention/ }).getByRole('link').last().click();
  await expect(fire.getByText('by hand, operator')).toBeVisible();
});

test('a schedule is paused with a note and resumed', async ({ page }) => {
  await open(page, 'operator', '/schedules/identity.purge');
  await page.getByRole('button', { name: 'Pause…' }).click();
  const asked = page.getByRole('dialog', { name: 'Pause identity.purge?' });
  await asked.getByRole('button', { name: 'Pause it' }).click();
  await expect(asked.getByText('Say why')).toBeVisible();
  await asked.getByLabel('Note').fill('the lawyers have a question');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: /Paused by operator: the lawyers have a question/ })).toBeVisible();
  await open(page, 'viewer', '/schedules?is=paused');
  await expect(page.getByRole('row', { name: /^identity\.purge paused: the lawyers/ })).toBeVisible();
  await open(page, 'operator', '/schedules/identity.purge?do=resume');
  await page.getByRole('dialog', { name: 'Resume identity.purge?' }).getByRole('button', { name: 'Resume it' }).click();
  await expect(page.getByRole('button', { name: 'Pause…' })).toBeVisible();
  await expect(page.getByText('the lawyers have a question')).toBeHidden();
});

test('a schedule is edited with a look at its next times, others are not overwritten, and the edit is dropped', async ({ page }) => {
  await open(page, 'operator', '/schedules/catalogs.event-purge?do=edit');
  const form = page.getByRole('dialog', { name: 'Edit catalogs.event-purge' });
  const next = form.getByRole('list', { name: 'Next times if saved' });
  await expect(next.getByText(/ 03:23 \+00:00$/)).toHaveCount(8);
  await form.getByLabel('Cron line').fill('0 25 * * *');
  await expect(form.getByText(/"25": .*0.*23/).first()).toBeVisible();
  await form.getByLabel('Cron line').fill('0 4 * * mon-fri');
  await form.getByLabel('Time zone').fill('Europe/Berlin');
  await expect(form.getByText('at 04:00, Monday to Friday, Europe/Berlin')).toBeVisible();
  await expect(next.getByText(/^(Mon|Tue|Wed|Thu|Fri) .* 04:00 \+0[12]:00$/)).toHaveCount(8);
  await expect(next.getByText('new').first()).toBeVisible();
  await proper(page, 'schedule-edit');
  await call(page, 'administrator', 'PUT', `${schedules}/catalogs.event-purge`, { spec: { cron: '0 5 * * *' } });
  await expect(form.getByRole('heading', { name: /administrator has changed this schedule since you began/ })).toBeVisible();
  await form.getByRole('button', { name: 'Begin anew with what is there now' }).click();
  await expect(form.getByLabel('Cron line')).toHaveValue('0 5 * * *');
  await form.getByLabel('Cron line').fill('0 4 * * mon-fri');
  await expect(form.getByText('at 04:00, Monday to Friday, UTC')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(form).toBeHidden();
  const edited = page.getByRole('heading', { name: /Edited: other than its service declares in cron/ });
  await expect(edited).toBeVisible();
  await expect(page.getByRole('region', { name: 'When' }).getByText('at 04:00, Monday to Friday', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Drop the edit…' }).click();
  const asked = page.getByRole('dialog', { name: 'Drop the edit?' });
  await expect(asked.getByRole('row', { name: 'cron 0 4 * * mon-fri 23 3 * * *' })).toBeVisible();
  await asked.getByRole('button', { name: 'Drop the edit' }).click();
  await expect(edited).toBeHidden();
  await expect(page.getByRole('region', { name: 'When' }).getByText('at 03:23 every day', { exact: true })).toBeVisible();
});

test('a viewer sees, and cannot change', async ({ page }) => {
  await open(page, 'viewer', '/schedules/catalogs.event-purge?do=run');
  for (const name of ['Run now…', 'Pause…', 'Edit…', 'Backfill…', 'Delete…']) {
    const button = page.getByRole('button', { name, exact: true });
    await expect(button).toHaveAttribute('aria-disabled', 'true');
  }
  await page.getByRole('button', { name: 'Run now…' }).focus();
  await expect(page.getByRole('tooltip').getByText('This needs the role operator for catalogs.')).toBeVisible();
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('a schedule is made, a range is backfilled, what did not run says why, and the pages are proper', async ({ page }) => {
  test.setTimeout(120_000);
  const name = `catalogs.nobody-${Date.now()}`; // whom nobody asks for
  await open(page, 'operator', '/schedules');
  await page.getByRole('button', { name: 'Make a schedule…' }).click();
  const made = page.getByRole('dialog', { name: 'Make a schedule' });
  await made.getByRole('button', { name: 'Make it' }).click();
  await expect(made.getByText('Say when it is due.')).toBeVisible();
  await made.getByLabel('Name').fill(name);
  await made.getByLabel('Cron line').fill('0 2 * * mon-fri');
  await made.getByLabel('Time zone').fill('Europe/Berlin');
  await made.getByRole('button', { name: 'Where it goes, and with what' }).click();
  await made.getByLabel('Goes', { exact: true }).selectOption('poll');
  await made.getByLabel('Payload').fill('{"warehouse": "north"}');
  await made.getByRole('button', { name: 'Make it' }).click();
  await expect(page).toHaveURL(new RegExp(`/studio/schedules/${name}$`));
  await page.getByRole('button', { name: 'Backfill…' }).click();
  const form = page.getByRole('dialog', { name: `Backfill ${name}` });
  await form.getByLabel('From').fill('2026-10-05 00:00');
  await form.getByLabel('Until before').fill('2026-10-08 00:00');
  await expect(form.getByText('3 due times will be fired.')).toBeVisible();
  await form.getByRole('button', { name: 'Fire 3 due times' }).click();
  await expect(page.getByRole('heading', { name: /Backfill of 3 due times, by operator/ })).toBeVisible();
  const fires = page.getByRole('grid', { name: 'Fires' });
  await expect(fires.getByRole('row', { name: /backfilled by operator/ })).toHaveCount(3);
  await fires.getByRole('button', { name: /show the fire/ }).last().click();
  const fire = page.getByRole('dialog', { name: `Fire of ${name}` });
  await fire.getByRole('button', { name: 'Cancel it…' }).click();
  await page.getByRole('dialog', { name: 'Cancel this fire?' }).getByLabel('Note').fill('not wanted after all');
  await page.getByRole('button', { name: 'Cancel the fire' }).click();
  await expect(fire.getByRole('status').getByText('failed: cancelled')).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByLabel('Reason').selectOption('cancelled');
  await expect(fires.getByRole('row')).toHaveCount(2);
  expect(new URL(page.url()).searchParams.get('reason')).toBe('cancelled');
  await properEverywhere(page, 'schedule');
  await page.getByRole('tab', { name: 'Definition' }).click();
  await expect(page.getByText('"warehouse": "north"')).toBeVisible();
  await page.getByRole('link', { name: 'All schedules' }).click();
  await expect(page.getByRole('list', { name: new RegExp(`^Last fires of ${name}`) })).toBeVisible();
  await properEverywhere(page, 'schedules');
  await page.goto(`/studio/schedules/${name}?do=delete`);
  const asked = page.getByRole('dialog', { name: `Delete ${name}?` });
  await asked.getByLabel(`Type ${name} to go on`).fill(name);
  await asked.getByRole('button', { name: 'Delete it' }).click();
  await expect(page).toHaveURL(/\/studio\/schedules$/);
});
