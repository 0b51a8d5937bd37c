import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { budget } from './build/budget.ts';
import { clean } from './build/clean.ts';
import { compress } from './build/compress.ts';

// The dev server stands before a running mesh: STUDIO_MESH is its API. It is of the mesh's origin for the mesh, which
// takes a session's cookie from its own pages alone.
const mesh = process.env.STUDIO_MESH ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: '/studio/',
  logLevel: 'warn', // and what budget() says
  plugins: [
    react(),
    clean(),
    compress(),
    // What a browser has to have before the first page stands: the entry, and the overview.
    budget({ pages: ['src/pages/overview/index.tsx'], limit: 250_000 }),
  ],
  resolve: { alias: { '~': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    target: 'es2023',
    assetsInlineLimit: 0, // the policy allows no fonts and scripts but from files
    modulePreload: { polyfill: false }, // an inline script otherwise
    emptyOutDir: false, // dist/.placeholder is in the repository; clean() takes the rest
    manifest: false,
    chunkSizeWarningLimit: 600,
  },
  server: { proxy: { '/api': { target: mesh, changeOrigin: false }, '/studio/config.json': mesh } },
  test: { environment: 'jsdom', include: ['src/**/*.test.{ts,tsx}'], setupFiles: ['src/test-setup.ts'], restoreMocks: true, testTimeout: 30_000 },
});
