import { execFileSync } from 'node:child_process';
import { expect, open, test } from './kit';

const records = 100_000;

/** Frame times in ms, each the time between two frames while the list goes down by so many pixels a frame. */
interface Pass {
  name: string;
  pixels: number;
}

const passes: Pass[] = [
  { name: 'wheel', pixels: 120 }, // as a wheel is turned, at the top, in the middle and at the end
  { name: 'through', pixels: 5_000 }, // 172 rows a frame, from the newest to the oldest, as the scroll bar is dragged
];

test('a hundred thousand records are scrolled through', async ({ page }) => {
  test.setTimeout(280_000);
  const service = `shop-${Date.now().toString(36)}`;
  const levels = ['debug', 'info', 'info', 'info', 'warn', 'error'];
  const said = ['order taken', 'request', 'stock is low', 'a call is tried again', 'payment was refused'];
  const lines = Array.from({ length: records }, (_, i) => JSON.stringify({ level: levels[i % 6], msg: said[i % 5], order: i, user_id: i % 977, duration_ms: (i * 7919) % 1000, path: `/api/orders/v1/orders/${i}` }));
  execFileSync(process.env.STUDIO_PROGRAM ?? 'signalbox', ['ship', '--service', service, '--state', process.env.STUDIO_STATE ?? '.signalbox'], { input: lines.join('\n'), stdio: ['pipe', 'ignore', 'inherit'] });
  await open(page, 'viewer', `/logs?q=service:${service}`);
  await expect(page.getByRole('listitem').first()).toBeVisible();
  const began = Date.now();
  const frames = await page.evaluate(async (wanted) => {
    const log = document.querySelector('.sb-log') as HTMLElement;
    const frame = () => new Promise<number>(requestAnimationFrame);
    const times: number[] = [];
    let last = await frame();
    for (;;) {
      log.scrollTop = log.scrollHeight;
      const now = await frame();
      times.push(now - last);
      last = now;
      if (log.textContent?.includes('That is all in this time') && log.querySelector('.sb-log-all')) break;
      if (times.length > wanted) throw new Error('the records do not come');
    }
    return times;
  }, 20_000);
  const rows = await page.evaluate(() => Math.round((document.querySelector('.sb-log-all') as HTMLElement).offsetHeight / 29));
  console.log(`METRIC studio_load_rows=${rows}`);
  console.log(`METRIC studio_load_seconds=${((Date.now() - began) / 1000).toFixed(1)}`);
  print('load', frames);
  for (const pass of passes) {
    print(
      pass.name,
      await page.evaluate(async ({ name, pixels }) => {
        const log = document.querySelector('.sb-log') as HTMLElement;
        const frame = () => new Promise<number>(requestAnimationFrame);
        const times: number[] = [];
        const all = log.scrollHeight - log.clientHeight;
        for (const [from, to] of name === 'wheel' ? [0, 0.5, 0.97].map((part) => [part * all, Math.min(all, part * all + 300 * pixels)]) : [[0, all]]) {
          log.scrollTop = from as number;
          await frame();
          let last = await frame();
          while (log.scrollTop + 1 < (to as number)) {
            log.scrollTop += pixels;
            const now = await frame();
            times.push(now - last);
            last = now;
            if (!log.querySelector('.sb-line')) throw new Error('nothing is drawn');
          }
        }
        return times;
      }, pass),
    );
  }
  await page.keyboard.press('j');
  const steps = await page.evaluate(async () => {
    const frame = () => new Promise<number>(requestAnimationFrame);
    const times: number[] = [];
    let last = await frame();
    for (let i = 0; i < 200; i++) {
      document.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', bubbles: true }));
      const now = await frame();
      times.push(now - last);
      last = now;
    }
    return times;
  });
  print('keys', steps);
});

function print(name: string, times: number[]) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (part: number) => (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0).toFixed(1);
  console.log(`METRIC studio_frame_ms{pass="${name}"} frames=${times.length} p50=${at(0.5)} p99=${at(0.99)} longest=${at(1)}`);
}
