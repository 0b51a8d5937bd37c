import { execFileSync } from 'node:child_process';
import type { CDPSession, Page } from '@playwright/test';
import { expect, open, test } from './kit';

/** How smoothly the log scrolls with as many records loaded as it keeps: `make studio-scroll` prints it. */
const records = 100_000;

interface Way {
  name: string;
  /** Pixels a frame; a row has 29. */
  by: number;
  /** Where it goes, each from and to in parts of the list's height, or in pixels above 1. */
  ways: readonly (readonly [from: number, to: number])[];
}

const wheel = 120; // pixels: as a wheel is turned
const few: Way = { name: 'wheel, 200 rows', by: wheel, ways: [[0, 4000], [0, 4000], [0, 4000], [0, 4000], [0, 4000], [0, 4000], [0, 4000], [0, 4000], [0, 4000]] };
const many: Way[] = [
  { name: 'wheel, 100 000 rows', by: wheel, ways: [[0, 12_000], [0.5, 12_000], [0.99, 12_000]] },
  { name: 'from the newest to the oldest, 172 rows a frame', by: 5_000, ways: [[0, 3_000_000]] },
];

test('a hundred thousand records are scrolled through', async ({ page }) => {
  test.setTimeout(280_000);
  const service = `shop-${Date.now().toString(36)}`;
  ship(service);
  await open(page, 'viewer', `/logs?q=service:${service}`);
  await expect(page.getByRole('list', { name: 'Records' }).getByRole('listitem').first()).toBeVisible();
  const browser = await page.context().newCDPSession(page);
  await browser.send('Performance.enable', { timeDomain: 'threadTicks' }); // the page's own time on a processor, whatever else runs
  await pass(page, browser, few);
  const began = Date.now();
  await expect
    .poll(() => page.evaluate(() => {
      const log = document.querySelector('.sb-log') as HTMLElement;
      log.scrollTop = log.scrollHeight;
      return log.textContent?.includes('That is all in this time');
    }), { timeout: 120_000, intervals: [5] })
    .toBe(true);
  const rows = await page.evaluate(() => Math.round((document.querySelector('.sb-log-all') as HTMLElement).offsetHeight / 29));
  console.log(`METRIC studio_log_load_seconds=${((Date.now() - began) / 1000).toFixed(1)} rows=${rows}`);
  expect(rows).toBe(records);
  for (const one of many) await pass(page, browser, one);
});

/** Scrolls, and prints the time between frames, and the page's time on a processor for one. */
async function pass(page: Page, browser: CDPSession, way: Way) {
  const before = await busy(browser);
  const times = await page.evaluate(async ({ by, ways }) => {
    const log = document.querySelector('.sb-log') as HTMLElement;
    const frame = () => new Promise<number>(requestAnimationFrame);
    const times: number[] = [];
    for (const [from, far] of ways) {
      const all = log.scrollHeight - log.clientHeight;
      const begin = from * all;
      const end = Math.min(all, begin + far);
      log.scrollTop = begin;
      await frame();
      let last = await frame();
      for (let at = begin; at < end; at += by) {
        log.scrollTop = at;
        const now = await frame();
        times.push(now - last);
        last = now;
        if (!log.querySelector('.sb-line')) throw new Error('nothing is drawn');
      }
    }
    return times;
  }, way);
  const spent = ((await busy(browser)) - before) / times.length;
  times.sort((a, b) => a - b);
  const at = (part: number) => (times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0).toFixed(1);
  console.log(`METRIC studio_log_frame_ms{way="${way.name}"} p50=${at(0.5)} p99=${at(0.99)} longest=${at(1)} cpu=${spent.toFixed(1)} frames=${times.length}`);
}

/** Milliseconds that the page's thread has worked. */
async function busy(browser: CDPSession): Promise<number> {
  const { metrics } = await browser.send('Performance.getMetrics');
  return 1000 * (metrics.find((m) => m.name === 'TaskDuration')?.value ?? 0);
}

/** Brings the records into the store, as another program's lines. */
function ship(service: string) {
  const levels = ['debug', 'info', 'info', 'info', 'warn', 'error'];
  const said = ['order taken', 'request', 'stock is low', 'a call is tried again', 'payment was refused'];
  const lines = Array.from({ length: records }, (_, i) => JSON.stringify({ level: levels[i % 6], msg: said[i % 5], order: i, user_id: i % 977, duration_ms: (i * 7919) % 1000, path: `/api/orders/v1/orders/${i}` }));
  execFileSync(process.env.STUDIO_PROGRAM ?? 'signalbox', ['ship', '--service', service, '--state', process.env.STUDIO_STATE ?? '.signalbox'], { input: lines.join('\n'), stdio: ['pipe', 'ignore', 'ignore'] });
}
