// @vitest-environment node
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** A page's sheet stays when another page is opened: what two of them style by one name would depend on the way one came. */
it('styles a class in one sheet', () => {
  const owners = new Map<string, Set<string>>();
  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.css'))) {
    for (const [, name = ''] of readFileSync(`src/${file}`, 'utf8').matchAll(/^\s*\.(sb-[\w-]+)/gm)) owners.set(name, (owners.get(name) ?? new Set()).add(file));
  }
  expect(owners.size).toBeGreaterThan(100);
  expect([...owners].filter(([, files]) => files.size > 1).map(([name, files]) => `${name}: ${[...files].join(', ')}`)).toEqual([]);
});
