import assert from 'node:assert/strict';
import { recordFormat } from '../../src/cli/record-format.ts';
import { type TestRecord, textOf } from './record-text.ts';

const RECORD: TestRecord = {
  key: 'the key',
  value: 'the value',
  headers: [
    ['a', '1'],
    ['a', null],
    ['b', ''],
  ],
};

describe('consume -f', () => {
  const known: readonly [string, string][] = [
    ['%s\\n', 'the value\n'],
    ['%k=%s;', 'the key=the value;'],
    ['%t %p %o %T', 't 3 42 1700000000123'],
    ['%S,%K', '9,7'],
    ['%h', 'a=1,a=NULL,b='],
    ['100%% %s', '100% the value'],
    ['\\x41\\t%k\\0', 'A\tthe key\0'],
    ['plain', 'plain'],
  ];
  for (const [format, expected] of known) {
    it(`${format} gives ${JSON.stringify(expected)}`, () => {
      assert.equal(textOf(recordFormat(format), RECORD).toString(), expected);
    });
  }

  it('prints null as nothing, with length -1', () => {
    const format = recordFormat('[%k|%s|%K|%S|%h]');
    assert.equal(textOf(format, { key: null, value: null }).toString(), '[||-1|-1|]');
    assert.equal(textOf(format, { key: '', value: '' }).toString(), '[||0|0|]');
  });

  it('%R is the length of the value in four bytes, big endian', () => {
    const value = Buffer.alloc(0x1_02);
    assert.equal(textOf(recordFormat('%R'), { value }, { value: null }).toString('hex'), '00000102ffffffff');
  });

  it('leaves bytes as they are', () => {
    const value = Buffer.from([0, 255, 10, 128]);
    assert.deepEqual(textOf(recordFormat('%s'), { value }), value);
  });

  for (const format of ['%x', '%', 'a%', '%-s']) {
    it(`${format} is refused with exit status 2`, () => assert.throws(() => recordFormat(format), { exitCode: 2 }));
  }
});
