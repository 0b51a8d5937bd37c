import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '~/api/problem';
import { follow, type StreamState } from './stream';

vi.mock('~/api/client', () => ({ authorized: (request: Request) => answer(request) }));

let answer: (request: Request) => Promise<Response>;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const url = 'http://mesh.example/tail';
const body = (...pieces: string[]) => new Response(new ReadableStream({ start: (c) => (pieces.forEach((p) => c.enqueue(new TextEncoder().encode(p))), c.close()) }), { status: 200 });
const record = (id: number) => `event: record\nid: p${id}\ndata: ${id}\n\n`;

it('comes again behind the last event, and says that what is shown is old meanwhile', async () => {
  const asked: (string | null)[] = [];
  const states: StreamState['kind'][] = [];
  const got: string[] = [];
  answer = async (request) => {
    asked.push(request.headers.get('Last-Event-ID'));
    if (asked.length === 1) return body(record(1), record(2));
    if (asked.length === 2) throw new ApiError(0, 'unreachable', 'the mesh cannot be reached');
    if (asked.length === 3) return body(record(3));
    return new Promise(() => {});
  };
  const end = follow({ url, onEvent: (e) => got.push(e.data), onState: (s) => states.push(s.kind) });
  await vi.advanceTimersByTimeAsync(10_000);
  end();
  expect(got).toEqual(['1', '2', '3']);
  expect(asked).toEqual([null, 'p2', 'p2', 'p3']);
  expect(states).toEqual(['connecting', 'live', 'stale', 'live']);
});

it('says since when nothing was heard, however often it has asked since', async () => {
  const began = Date.now();
  let asked = 0;
  answer = async () => {
    if (++asked === 1) return body(record(1));
    throw new ApiError(0, 'unreachable', 'the mesh cannot be reached');
  };
  const stale: number[] = [];
  const end = follow({ url, onEvent: () => {}, onState: (s) => s.kind === 'stale' && stale.push(s.since) });
  await vi.advanceTimersByTimeAsync(30_000);
  end();
  expect(stale.length).toBeGreaterThan(3);
  expect(new Set(stale)).toEqual(new Set([began]));
});

it('does not come again where it was refused', async () => {
  let asked = 0;
  const states: StreamState[] = [];
  answer = async () => {
    asked++;
    return Response.json({ status: 400, code: 'invalid', detail: 'the query cannot be read' }, { status: 400 });
  };
  follow({ url, onEvent: () => {}, onState: (s) => states.push(s) });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(1);
  expect(states.at(-1)).toMatchObject({ kind: 'refused', error: { message: 'the query cannot be read' } });
});

it('gives a connection up that is silent', async () => {
  let asked = 0;
  answer = (request) => {
    asked++;
    return new Promise((_, fail) => request.signal.addEventListener('abort', () => fail(new DOMException('cut', 'AbortError'))));
  };
  const end = follow({ url, onEvent: () => {} });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(asked).toBe(1);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(asked).toBe(2);
  end();
});
