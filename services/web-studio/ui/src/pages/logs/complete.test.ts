// @vitest-environment node
import { describe, expect, it } from 'vitest';
import { fill, names, place } from './complete';

const at = (text: string) => place(text.replace('|', ''), text.indexOf('|'));

describe('place', () => {
  it.each([
    ['|', 'name', '', ''],
    ['ser|', 'name', '', 'ser'],
    ['level>=warn (-ser|', 'name', '', 'ser'],
    ['http.st|', 'name', '', 'http.st'],
    ['service:|', 'value', 'service', ''],
    ['x -service:ca| y', 'value', 'service', 'ca'],
    ['level>=w|', 'value', 'level', 'w'],
    ['http.status!=50|', 'value', 'http.status', '50'],
  ])('%s', (text, kind, field, prefix) => expect(at(text)).toMatchObject({ kind, field, prefix }));

  it.each(['"ser|', 'msg:/ser|', 'a="b|', '42|'])('nothing in %s', (text) => expect(at(text)).toBeUndefined());
});

it('names what there is, the records’ own attributes too', () => {
  expect(names('', [])).toHaveLength(12);
  expect(names('se', ['session_id', 'other'])).toEqual(['service', 'seq', 'session_id']);
  expect(names('service', [])).toEqual([]);
});

describe('fill', () => {
  const filled = (text: string, choice: string) => {
    const query = text.replace('|', '');
    const where = place(query, text.indexOf('|'));
    return where && fill(query, where, choice);
  };
  it('puts the operator behind a name', () => {
    expect(filled('lev|', 'level')).toEqual({ query: 'level>=', caret: 7 });
    expect(filled('us| x', 'user_id')).toEqual({ query: 'user_id= x', caret: 8 });
  });
  it('puts a space behind a value', () => expect(filled('service:ca| x', 'catalogs')).toEqual({ query: 'service:catalogs x', caret: 17 }));
});
