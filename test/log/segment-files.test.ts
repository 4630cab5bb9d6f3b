import assert from 'node:assert/strict';
import {
  isDeletedDirectoryName,
  parseSegmentFileName,
  retiredDirectoryName,
  segmentFileName,
} from '../../src/log/segment-files.ts';

const UUID = '01234567-89ab-4cde-8f01-23456789abcd';

describe('log: names of files', () => {
  it('a segment is named by 20 digits', () => {
    assert.equal(segmentFileName(120, '.log'), '00000000000000000120.log');
    assert.deepEqual(parseSegmentFileName('00000000000000000120.snapshot'), { offset: 120, suffix: '.snapshot' });
  });

  for (const name of [
    '120.log',
    '00000000000000000120.log.tmp',
    '00000000000000000120.txt',
    '99999999999999999999.log',
  ]) {
    it(`${name} is no segment file`, () => assert.equal(parseSegmentFileName(name), undefined));
  }

  it('a removed directory keeps a legal length, and is recognised', () => {
    const name = retiredDirectoryName('t'.repeat(249), 12, UUID, 'delete');
    assert.equal(name.length, 255);
    assert.ok(isDeletedDirectoryName(name));
    assert.equal(retiredDirectoryName('a', 0, UUID, 'stray'), 'a-0.0123456789ab4cde8f0123456789abcd-stray');
    assert.ok(!isDeletedDirectoryName('a-0.0123456789ab4cde8f0123456789abcd-stray'));
    assert.ok(!isDeletedDirectoryName('x-delete'));
  });
});
