import { gzipSync } from 'node:zlib';
import type { Plugin, Rollup } from 'vite';

interface Settings {
  /** Modules of pages that belong to the critical path beside the entry. */
  pages: string[];
  /** Bytes of script, as gzip makes them; what a browser gets by brotli is less. */
  limit: number;
}

/** Fails the build when the script that the first page waits for is larger than the limit. */
export function budget({ pages, limit }: Settings): Plugin {
  return {
    name: 'studio:budget',
    apply: 'build',
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((one) => one.type === 'chunk');
      const critical = new Map<string, Rollup.OutputChunk>();
      const add = (chunk?: Rollup.OutputChunk) => {
        if (!chunk || critical.has(chunk.fileName)) return;
        critical.set(chunk.fileName, chunk);
        for (const name of chunk.imports) add(chunks.find((one) => one.fileName === name));
      };
      add(chunks.find((one) => one.isEntry));
      for (const page of pages) {
        const chunk = chunks.find((one) => one.facadeModuleId?.endsWith(page));
        if (!chunk) this.error(`budget: ${page} is in no chunk of its own`);
        add(chunk);
      }
      let total = 0;
      for (const chunk of critical.values()) total += gzipSync(chunk.code, { level: 9 }).length;
      const said = `critical path: ${kb(total)} of ${kb(limit)} compressed script, in ${critical.size} files`;
      if (total > limit) this.error(`budget: ${said}; load what the first page does not need with its own page`);
      console.log(said);
    },
  };
}

const kb = (bytes: number) => `${(bytes / 1000).toFixed(1)} KB`;
