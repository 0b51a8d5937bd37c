import { expect, it } from 'vitest';

/** A page's sheet stays when another page is opened: what two of them style by one name would depend on the way one came. */
it('styles a class in one sheet', () => {
  const sheets = import.meta.glob<string>('./**/*.css', { query: '?raw', import: 'default', eager: true });
  const owners = new Map<string, Set<string>>();
  for (const [file, text] of Object.entries(sheets)) {
    for (const [, name = ''] of text.matchAll(/^\s*\.(sb-[\w-]+)/gm)) owners.set(name, (owners.get(name) ?? new Set()).add(file));
  }
  expect(owners.size).toBeGreaterThan(100);
  expect([...owners].filter(([, files]) => files.size > 1).map(([name, files]) => `${name}: ${[...files].join(', ')}`)).toEqual([]);
});
