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

  it('lets requests wait only when all is taken, and lets them in one by one', async () => {
    const memory = new FetchMemory(2 * MIB);
    assert.deepEqual([memory.take(MIB), memory.take(MIB)], [MIB, MIB]);
    const granted: number[] = [];
    const waiting = [1, 2, 3].map(async (name) => {
      await memory.take(2 * MIB);
      granted.push(name);
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(granted, []);
    memory.adjust(-MIB);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(granted, [1]);
    assert.equal(memory.freeBytes, 0);
    memory.adjust(-MIB);
    memory.adjust(-MIB);
    await Promise.all(waiting);
    assert.deepEqual(granted, [1, 2, 3]);
  });

  it('sends away who waits when it stops', async () => {
    const memory = new FetchMemory(MIB);
    assert.equal(await memory.take(MIB), MIB);
    const waiting = memory.take(MIB);
    memory.stop();
    assert.equal(await waiting, 0);
    assert.equal(memory.take(MIB), 0);
  });
});
