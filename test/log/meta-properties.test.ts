import assert from 'node:assert/strict';
import { formatMetaProperties, parseMetaProperties } from '../../src/log/meta-properties.ts';

describe('log: meta.properties', () => {
  const properties = { clusterId: 'b9VTLCUzRGeqQ5ZTDTi5dg', nodeId: 3, directoryId: 'AQIDBAUGBwgJCgsMDQ4PEA' };

  it('reads what it writes', () => assert.deepEqual(parseMetaProperties(formatMetaProperties(properties)), properties));

  it('reads what Kafka writes', () => {
    const text = '#\n#Thu Jan 01 00:00:00 UTC 2026\ncluster.id=c\ndirectory.id=d\nnode.id=1\nversion=1\n';
    assert.deepEqual(parseMetaProperties(text), { clusterId: 'c', nodeId: 1, directoryId: 'd' });
  });

  for (const text of ['', 'version=0\nbroker.id=1\ncluster.id=c\n', 'version=1\nnode.id=x\ncluster.id=c\n']) {
    it(`does not read ${JSON.stringify(text)}`, () => assert.equal(parseMetaProperties(text), undefined));
  }
});
