import assert from 'node:assert/strict';
import { FetchMemory } from '../../src/broker/fetch-memory.ts';
import { type FetchPass, makeFetchPass } from '../../src/broker/fetch-pass.ts';
import type { BrokerServices, Call } from '../../src/broker/services.ts';
import type { ReadRequest } from '../../src/log/partition-log.ts';
import { ManualClock } from './manual-clock.ts';

describe('fetch pass', () => {
  it('counts all the memory that its reads hold, until it is released', async () => {
    const fetchMemory = new FetchMemory(10_000);
    const { pass } = await onePass(fetchMemory, 'tcp');
    assert.equal(pass.byteCount, 100);
    assert.equal(fetchMemory.freeBytes, 7000);
    pass.release();
    assert.equal(fetchMemory.freeBytes, 10_000);
  });

  it('keeps the offsets of a log without anything to read as they were then', async () => {
    const { pass, log } = await onePass(new FetchMemory(10_000), 'tcp', 5n);
    log.highWatermark = 30;
    assert.deepEqual(pass.found[0]?.offsets, { highWatermark: 5, lastStableOffset: 5, logStartOffset: 0 });
  });

  for (const [listener, crcBy] of [
    ['embedded', 'reader'],
    ['unix', 'log'],
    ['tcp', 'log'],
  ] as const) {
    it(`leaves the checksums of a client on ${listener} to the ${crcBy}`, async () => {
      const { reads } = await onePass(new FetchMemory(10_000), listener);
      assert.deepEqual(
        reads.map((read) => read.crcBy),
        [crcBy],
      );
    });
  }
});

/** A pass over one partition, and what it asked the log for. */
async function onePass(
  fetchMemory: FetchMemory,
  listener: Call['context']['listener'],
  fetchOffset = 0n,
): Promise<{ pass: FetchPass; reads: readonly ReadRequest[]; log: { highWatermark: number } }> {
  const reads: ReadRequest[] = [];
  const log = {
    logStartOffset: 0,
    logEndOffset: 5,
    highWatermark: 5,
    lastStableOffset: 5,
    read: (read: ReadRequest) => {
      reads.push(read);
      return Promise.resolve({ byteCount: 100, heldBytes: 3000, slices: [], release: () => undefined });
    },
  };
  const services = {
    env: { clock: new ManualClock() },
    fetchMemory,
    authorize: () => true,
    partitions: { topicNamed: () => ({ name: 't' }), led: () => ({ leaderEpoch: 0 }), log: () => log },
  } as unknown as BrokerServices;
  const partitions = [{ fetchOffset, partitionMaxBytes: 3000, currentLeaderEpoch: -1, lastFetchedEpoch: -1 }];
  const request = { isolationLevel: 0, topics: [{ topic: 't', partitions }] };
  const call = { version: 12, context: { connectionId: 1, listener } } as Call;
  const takenBytes = await fetchMemory.take(1, 4000);
  const pass = await makeFetchPass(
    services,
    request as unknown as Parameters<typeof makeFetchPass>[1],
    call,
    takenBytes,
  );
  return { pass, reads, log };
}
