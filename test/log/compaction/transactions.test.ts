import assert from 'node:assert/strict';
import { markerKindOf, TransactionSearch, TransactionWalk } from '../../../src/log/compaction/transactions.ts';
import { keyedBatch, marker } from './keyed-batches.ts';

const data = (producerId: bigint, baseOffset: number): Buffer =>
  keyedBatch([['k', 'v']], { attributes: 0x10, producerId, sequence: 0, baseOffset });
const plain = (baseOffset: number): Buffer => keyedBatch([['k', 'v']], { baseOffset });
const end = (kind: 'abort' | 'commit', producerId: bigint, baseOffset: number): Buffer =>
  marker(kind, producerId, { baseOffset });

/** Producers 1 and 2 interleaved: 1 aborts, 2 commits, 1 begins again and stays open. */
const LOG = [
  plain(0),
  data(1n, 1),
  data(2n, 2),
  data(1n, 3),
  end('abort', 1n, 4),
  end('commit', 2n, 5),
  data(1n, 6),
  plain(7),
];

function found(batches: readonly Buffer[]) {
  const search = new TransactionSearch();
  for (const bytes of batches) assert.equal(search.take(bytes, 0), true);
  return search.found();
}

describe('log: transactions that a compaction meets', () => {
  it('are aborted by their markers, and known up to the first that is open', () => {
    assert.deepEqual(found(LOG), { aborted: [{ producerId: 1n, firstOffset: 1, lastOffset: 4 }], knownEnd: 6 });
    assert.deepEqual(found(LOG.slice(0, 6)).knownEnd, 6);
    assert.deepEqual(found([end('abort', 9n, 0)]), { aborted: [], knownEnd: 1 });
  });

  it('give away the batches of the aborted ones, and the markers of which nothing is left', () => {
    const walk = new TransactionWalk(found(LOG).aborted);
    const judged = LOG.slice(0, 6).map((bytes) =>
      (bytes.readInt16BE(21) & 0x20) !== 0 ? walk.isNeedless(bytes, 0) : walk.isAborted(bytes, 0),
    );
    assert.deepEqual(judged, [false, true, false, true, false, false]);
    assert.equal(walk.isNeedless(end('commit', 2n, 9), 0), true, 'its batches are gone');
    assert.equal(walk.isNeedless(end('abort', 3n, 10), 0), true);
  });

  it('end with markers of two kinds; others say nothing of a transaction', () => {
    assert.deepEqual(
      [markerKindOf(end('abort', 1n, 0), 0), markerKindOf(end('commit', 1n, 0), 0)],
      ['abort', 'commit'],
    );
    const leaderChange = keyedBatch([['\0\0\0\x02', 'x']], { attributes: 0x20 });
    assert.equal(markerKindOf(leaderChange, 0), 'other');
    assert.equal(markerKindOf(keyedBatch([[null, 'x']], { attributes: 0x20 }), 0), 'other');
    assert.equal(markerKindOf(keyedBatch([], { attributes: 0x30, lastOffsetDelta: 0 }), 0), 'other');
  });
});
