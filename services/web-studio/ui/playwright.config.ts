import { defineConfig } from '@playwright/test';

// The mesh is the environment's to name: internal/e2e/studio starts one. STUDIO_URL and STUDIO_PASSWORD name another.
export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  outputDir: 'artefacts/failed',
  fullyParallel: true,
  workers: 2,
  timeout: 60_000, // a machine that does much else is slow, and what is slow is not wrong
  expect: { timeout: 10_000 },
  projects: [
    { name: 'pages', testIgnore: ['alone.spec.ts', 'killed.spec.ts'] },
    // What is for people, and no test: `make studio-scroll`, `make studio-pictures`. Only where it is asked for.
    ...(process.env.STUDIO_BESIDE ? [{ name: 'beside', testMatch: process.env.STUDIO_BESIDE }] : []),
    ...(process.env.STUDIO_SPLIT ? [{ name: 'split', testMatch: 'killed.spec.ts' }] : []), // before a mesh whose instances are processes
    { name: 'alone', testMatch: 'alone.spec.ts', dependencies: ['pages'] }, // these stop the mesh, under everybody
  ],
  reporter: [['list']],
  use: {
    baseURL: process.env.STUDIO_URL ?? 'http://127.0.0.1:8080',
    screenshot: 'only-on-failure',
    viewport: { width: 1280, height: 900 },
    launchOptions: {
      executablePath: process.env.STUDIO_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
  },
});
