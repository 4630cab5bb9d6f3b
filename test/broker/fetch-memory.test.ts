import assert from 'node:assert/strict';
import { FetchMemory } from '../../src/broker/fetch-memory.ts';

const MIB = 1 << 20;

describe('fetch memory', () => {
  it('gives one request a part of what is free, and always something', () => {
    const memory = new FetchMemory(64 * MIB);
    assert.equal(memory.take(50 * MIB), 16 * MIB);
    assert.equal(memory.take(1000), 1000);
    memory.adjust(47 * MIB);
    assert.equal(memory.take(50 * MIB), MIB);
  });

  it('lets requests wait only when all is taken, and wakes them when something came back', async () => {
    const memory = new FetchMemory(2 * MIB);
    assert.equal(await memory.whenFree(), true);
    memory.take(MIB);
    memory.take(MIB);
    assert.equal(memory.freeBytes, 0);
    let isFree = false;
    const waiting = memory.whenFree().then((running) => {
      isFree = true;
      return running;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isFree, false);
    memory.adjust(-MIB);
    assert.equal(await waiting, true);
  });

  it('wakes who waits when it stops', async () => {
    const memory = new FetchMemory(MIB);
    memory.take(MIB);
    const waiting = memory.whenFree();
    memory.stop();
    assert.equal(await waiting, false);
  });
});
