import assert from 'node:assert/strict';
import { FetchMemory } from '../../src/broker/fetch-memory.ts';
import { makeFetchPass } from '../../src/broker/fetch-pass.ts';
import type { BrokerServices, Call } from '../../src/broker/services.ts';

describe('fetch pass', () => {
  it('counts all the memory that its reads hold, until it is released', async () => {
    const fetchMemory = new FetchMemory(10_000);
    const log = {
      logStartOffset: 0,
      logEndOffset: 5,
      highWatermark: 5,
      read: () => Promise.resolve({ byteCount: 100, heldBytes: 3000, slices: [], release: () => undefined }),
    };
    const services = {
      fetchMemory,
      authorize: () => true,
      partitions: { topicNamed: () => ({ name: 't' }), led: () => ({ leaderEpoch: 0 }), log: () => log },
    } as unknown as BrokerServices;
    const partitions = [{ fetchOffset: 0n, partitionMaxBytes: 3000, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }];
    const request = { isolationLevel: 0, topics: [{ topic: 't', partitions }] };
    const call = { version: 12, context: { connectionId: 1 } } as Call;
    const takenBytes = await fetchMemory.take(1, 4000);
    const pass = await makeFetchPass(
      services,
      request as unknown as Parameters<typeof makeFetchPass>[1],
      call,
      takenBytes,
    );
    assert.equal(pass.byteCount, 100);
    assert.equal(fetchMemory.freeBytes, 7000);
    pass.release();
    assert.equal(fetchMemory.freeBytes, 10_000);
  });
});
