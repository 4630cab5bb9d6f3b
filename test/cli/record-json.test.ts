import assert from 'node:assert/strict';
import fc from 'fast-check';
import { recordJson } from '../../src/cli/record-json.ts';
import { type TestRecord, textOf } from './record-text.ts';

function parsed(record: TestRecord): Record<string, unknown> {
  const text = textOf(recordJson, record).toString();
  assert.ok(text.endsWith('}\n'));
  assert.equal(text.indexOf('\n'), text.length - 1);
  return JSON.parse(text);
}

describe('consume -J', () => {
  it("uses kcat's field names", () => {
    assert.deepEqual(parsed({ key: 'k', value: 'v "quoted"\n' }), {
      topic: 't',
      partition: 3,
      offset: 42,
      tstype: 'create',
      ts: 1_700_000_000_123,
      key: 'k',
      payload: 'v "quoted"\n',
    });
    assert.equal(parsed({ value: 'v', timestampType: 'LogAppendTime' })['tstype'], 'logappend');
  });

  it('tells null from empty', () => {
    const nothing = parsed({ key: null, value: null });
    assert.equal(nothing['key'], null);
    assert.equal(nothing['payload'], null);
    const empty = parsed({ key: '', value: '' });
    assert.equal(empty['key'], '');
    assert.equal(empty['payload'], '');
  });

  it('gives headers as pairs in order, repeated names and nulls among them', () => {
    const headers: TestRecord['headers'] = [
      ['a', '1'],
      ['a', null],
      ['b', Buffer.from([255])],
    ];
    assert.deepEqual(parsed({ value: 'v', headers })['headers'], [
      ['a', '1'],
      ['a', null],
      ['b', { b64: '/w==' }],
    ]);
  });

  it('gives bytes that are not UTF-8 in base64, and a replacement character that was sent as itself', () => {
    const record = parsed({ key: Buffer.from([0xc3]), value: 'a\uFFFDb' });
    assert.equal(record['key_b64'], 'ww==');
    assert.ok(!('key' in record));
    assert.equal(record['payload'], 'a\uFFFDb');
  });

  it('loses no byte, whatever the record holds', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (key, value) => {
        const record = parsed({ key, value });
        assert.deepEqual(bytesOf(record, 'key'), Buffer.from(key));
        assert.deepEqual(bytesOf(record, 'payload'), Buffer.from(value));
      }),
    );
  });
});

function bytesOf(record: Record<string, unknown>, name: string): Buffer {
  const base64 = record[`${name}_b64`];
  return typeof base64 === 'string' ? Buffer.from(base64, 'base64') : Buffer.from(String(record[name]));
}
