// @vitest-environment node
import { expect, it } from 'vitest';
import { pasted } from './id';

const id = '4bf92f3577b34da6a3ce929d0e0e4736';

it.each([
  id,
  ` ${id.toUpperCase()}\n`,
  `00-${id}-00f067aa0ba902b7-01`,
  `http://127.0.0.1:16686/trace/${id}?uiFind=1`,
  `https://zipkin.example/zipkin/traces/${id}`,
  `http://127.0.0.1:8080/studio/traces/${id}?level=warn`,
  `{"ts":"2026-11-21T13:02:11Z","msg":"request","trace_id":"${id}","span_id":"00f067aa0ba902b7"}`,
  'signalbox trace 4bf92f35-77b3-4da6-a3ce-929d0e0e4736',
])('finds the trace in %s', (text) => expect(pasted(text)).toEqual({ kind: 'trace', id }));

it('takes the short ids of Zipkin', () => expect(pasted('00F067AA0BA902B7')).toEqual({ kind: 'trace', id: '00f067aa0ba902b7' }));

it('takes the id of a log record', () => expect(pasted('3wqk2bm1xo_1k3f')).toEqual({ kind: 'record', id: '3wqk2bm1xo_1k3f' }));

it.each(['', 'connection refused', id.slice(1), `${id}0`, '0'.repeat(32), '_'])('finds none in "%s"', (text) => expect(pasted(text)).toBeUndefined());
