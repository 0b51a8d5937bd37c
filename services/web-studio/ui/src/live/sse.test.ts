// @vitest-environment node
import { expect, it } from 'vitest';
import { EventParser } from './sse';

const stream = ': hello\n\nevent: record\nid: 1\ndata: {"a":1}\n\nid: 2\nevent: gap\ndata: x\ndata: y\n\n: beat\n\ndata: plain\n\n';

const want = [
  { event: 'record', data: '{"a":1}', id: '1' },
  { event: 'gap', data: 'x\ny', id: '2' },
  { event: 'message', data: 'plain', id: '2' },
];

it('reads a stream however it is cut', () => {
  for (let size = 1; size <= stream.length; size++) {
    const parser = new EventParser();
    const got = [];
    for (let i = 0; i < stream.length; i += size) got.push(...parser.push(stream.slice(i, i + size)));
    expect(got).toEqual(want);
  }
});

it('takes the line ends of others', () => {
  expect(new EventParser().push(stream.replace(/\n/g, '\r\n'))).toEqual(want);
});

it('gives nothing before an event is whole', () => {
  expect(new EventParser().push('event: record\ndata: {}\n')).toEqual([]);
});
