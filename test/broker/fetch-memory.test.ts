import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FetchMemory } from '../../src/broker/fetch-memory.ts';

const MIB = 1 << 20;

/** Settled promises have run their course. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('fetch memory', () => {
  it('gives one request a part of what is free, and always something', async () => {
    const memory = new FetchMemory(64 * MIB);
    assert.equal(memory.take(1, 50 * MIB), 12 * MIB);
    assert.equal(memory.take(2, 1000), 1000);
    memory.adjust(3, 44 * MIB);
    assert.equal(memory.take(4, 50 * MIB), MIB / 4);
  });

  it('lets requests wait when all is taken, and lets them in one by one', async () => {
    const memory = new FetchMemory(MIB / 2);
    assert.deepEqual([memory.take(1, MIB), memory.take(2, MIB)], [MIB / 4, MIB / 4]);
    const granted: number[] = [];
    const waiting = [3, 4, 5].map(async (connectionId) => {
      await memory.take(connectionId, MIB);
      granted.push(connectionId);
    });
    await settled();
    assert.deepEqual(granted, []);
    memory.adjust(1, -MIB / 4);
    await settled();
    assert.deepEqual(granted, [3]);
    memory.adjust(2, -MIB / 4);
    memory.adjust(3, -MIB / 4);
    await Promise.all(waiting);
    assert.deepEqual(granted, [3, 4, 5]);
  });

  it('when scarce, gives nothing more to a connection that holds some, and lets others pass it', async () => {
    const memory = new FetchMemory(8 * MIB);
    memory.adjust(1, 5 * MIB);
    let isGranted = false;
    const again = Promise.resolve(memory.take(1, MIB)).then(() => {
      isGranted = true;
    });
    assert.equal(await memory.take(2, MIB / 2), MIB / 4);
    await settled();
    assert.equal(isGranted, false);
    memory.adjust(1, -5 * MIB);
    await again;
  });

  it('sends away who waits when it stops', async () => {
    const memory = new FetchMemory(MIB / 4);
    assert.equal(memory.take(1, MIB), MIB / 4);
    const waiting = memory.take(2, MIB);
    memory.stop();
    assert.equal(await waiting, 0);
    assert.equal(memory.take(3, MIB), 0);
  });

  it('is never exceeded by more than an allowance, and lets nobody wait for ever', async () => {
    const request = fc.record({ connectionId: fc.nat(20), wantedBytes: fc.integer({ min: 1, max: 8 * MIB }) });
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 40 }), async (requests) => {
        const memory = new FetchMemory(4 * MIB);
        let served = 0;
        const all = requests.map(async ({ connectionId, wantedBytes }) => {
          const takenBytes = await memory.take(connectionId, wantedBytes);
          assert.ok(takenBytes > 0 && memory.freeBytes > -MIB / 4);
          await settled();
          served += 1;
          memory.adjust(connectionId, -takenBytes);
        });
        await Promise.all(all);
        assert.equal(served, requests.length);
        assert.equal(memory.freeBytes, 4 * MIB);
      }),
      { numRuns: 50 },
    );
  });
});
