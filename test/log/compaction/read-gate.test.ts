import assert from 'node:assert/strict';
import { deferred } from '../../../src/kernel/deferred.ts';
import { ReadGate } from '../../../src/log/compaction/read-gate.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('log: reads and the swap of files', () => {
  it('reads go side by side, a swap waits for those under way, and later ones wait for the swap', async () => {
    const gate = new ReadGate();
    const seen: string[] = [];
    const [first, second, swapping] = [deferred<void>(), deferred<void>(), deferred<void>()];
    const reads = [
      gate.read(async () => {
        await first.promise;
        seen.push('first');
      }),
      gate.read(async () => {
        await second.promise;
        seen.push('second');
      }),
    ];
    const swap = gate.swap(async () => {
      seen.push('swap');
      await swapping.promise;
      seen.push('swapped');
      return 7;
    });
    const late = gate.read(async () => {
      seen.push('late');
    });
    await turn();
    second.resolve();
    await turn();
    assert.deepEqual(seen, ['second']);
    first.resolve();
    await turn();
    assert.deepEqual(seen, ['second', 'first', 'swap']);
    swapping.resolve();
    assert.equal(await swap, 7);
    await Promise.all([...reads, late]);
    assert.deepEqual(seen, ['second', 'first', 'swap', 'swapped', 'late']);
  });

  it('opens again after a read or a swap that failed', async () => {
    const gate = new ReadGate();
    const fail = (): Promise<never> => Promise.reject(new Error('broken'));
    await assert.rejects(gate.read(fail), /broken/);
    await assert.rejects(gate.swap(fail), /broken/);
    assert.equal(await gate.read(() => Promise.resolve(1)), 1);
  });

  it('lets nobody through once it is shut, not even those who wait', async () => {
    const gate = new ReadGate();
    let waiting: Promise<unknown> = Promise.resolve();
    await gate.swap(() => {
      waiting = assert.rejects(
        gate.read(() => Promise.resolve(1)),
        /no names/,
      );
      gate.shut(new Error('no names'));
      return Promise.resolve();
    });
    await waiting;
    await assert.rejects(
      gate.read(() => Promise.resolve(1)),
      /no names/,
    );
  });
});
