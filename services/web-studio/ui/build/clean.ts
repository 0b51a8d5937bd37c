import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** Empties the folder of the build, but for hidden files. */
export function clean(): Plugin {
  let dir = '';
  return {
    name: 'studio:clean',
    apply: 'build',
    configResolved(config) {
      dir = join(config.root, config.build.outDir);
    },
    buildStart() {
      for (const name of readdirSync(dir)) {
        if (!name.startsWith('.')) rmSync(join(dir, name), { recursive: true });
      }
    },
  };
}
