import assert from 'node:assert/strict';
import { formatPartitionMetadata, parsePartitionMetadata } from '../../src/log/partition-metadata.ts';

describe('log: partition metadata', () => {
  const topicId = 'AQIDBAUGBwgJCgsMDQ4PEA';

  it('has the bytes that Kafka writes, with no final newline', () => {
    assert.equal(formatPartitionMetadata(topicId), `version: 0\ntopic_id: ${topicId}`);
  });

  it('reads what it writes, with or without a final newline', () => {
    assert.equal(parsePartitionMetadata(formatPartitionMetadata(topicId)), topicId);
    assert.equal(parsePartitionMetadata(`${formatPartitionMetadata(topicId)}\n`), topicId);
  });

  for (const text of ['', 'version: 1\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA', 'version: 0\ntopic_id: short', '\0\0']) {
    it(`does not read ${JSON.stringify(text)}`, () => assert.equal(parsePartitionMetadata(text), undefined));
  }
});
