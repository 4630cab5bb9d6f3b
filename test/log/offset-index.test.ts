import assert from 'node:assert/strict';
import type { Env } from '../../src/kernel/env.ts';
import { OffsetIndex } from '../../src/log/offset-index.ts';
import { contentOf, newMachine, run } from './log-in-world.ts';

const PATH = '/d/brokers/1/x.index';

function indexOf(env: Env, persistedCount = 0): OffsetIndex {
  return new OffsetIndex(env.disk, PATH, 1000, persistedCount);
}

/** Entries for offsets 1010, 1020, ... at positions 100, 200, .... */
function fill(index: OffsetIndex, from: number, to: number): void {
  for (let at = from; at <= to; at++) index.append(1000 + at * 10, at * 100);
}

describe('log: offset index', () => {
  it('finds the last entry that is not above an offset', async () => {
    await run(newMachine(), async (env) => {
      const index = indexOf(env);
      assert.equal(index.lookup(1005), undefined);
      fill(index, 1, 200);
      for (const [offset, position] of [
        [1000, 0],
        [1009, 0],
        [1010, 100],
        [1019, 100],
        [3000, 20_000],
        [9999, 20_000],
      ] as const) {
        assert.equal(index.lookup(offset)?.position ?? 0, position);
      }
    });
  });

  it('entries of an old file and new ones are one index', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const first = indexOf(env);
      fill(first, 1, 5);
      await first.entries.flush();
      const index = indexOf(env, 5);
      fill(index, 6, 9);
      assert.equal(await index.entries.load(1000), true);
      assert.equal(index.lookup(1030)?.position, 300);
      assert.equal(index.lookup(1095)?.position, 900);
      assert.ok(index.isSound(1000));
      await index.entries.flush();
    });
    assert.equal(contentOf(machine, PATH).length, 9 * 8);
  });

  it('a flush writes what is new and cuts what is too much', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const old = indexOf(env);
      fill(old, 1, 5);
      await old.entries.flush();
      const index = indexOf(env, 2);
      await index.entries.flush();
      assert.equal(contentOf(machine, PATH).length, 2 * 8);
      fill(index, 7, 8);
      await index.entries.flush();
      await index.entries.load(1000);
      assert.equal(index.lookup(1071)?.position, 700);
    });
    assert.equal(contentOf(machine, PATH).length, 4 * 8);
  });

  it('a missing or shorter file is told', async () => {
    await run(newMachine(), async (env) => {
      assert.equal(await indexOf(env, 3).entries.load(1000), false);
      const index = indexOf(env);
      fill(index, 1, 2);
      await index.entries.flush();
      assert.equal(await indexOf(env, 3).entries.load(1000), false);
    });
  });

  it('zeros, entries that go back and positions past the log are not sound', async () => {
    await run(newMachine(), async (env) => {
      for (const [entries, logBytes] of [
        [[[0, 0]], 500],
        [
          [
            [1010, 100],
            [1010, 200],
          ],
          500,
        ],
        [
          [
            [1010, 100],
            [1020, 100],
          ],
          500,
        ],
        [
          [
            [1010, 100],
            [1020, 600],
          ],
          600,
        ],
      ] as const) {
        const index = indexOf(env);
        for (const [offset, position] of entries) index.append(offset, position);
        assert.equal(index.isSound(logBytes), false);
      }
    });
  });

  it('a file that lost entries is not written to, until they are replaced', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const index = indexOf(env, 3);
      fill(index, 4, 5);
      assert.equal(await index.entries.flush(), false);
      assert.equal(contentOf(machine, PATH).length, 0);
      const rebuilt = indexOf(env);
      fill(rebuilt, 1, 3);
      index.entries.replaceOld(Buffer.from(rebuilt.entries.inMemory()));
      assert.equal(await index.entries.flush(), true);
    });
    assert.equal(contentOf(machine, PATH).length, 5 * 8);
  });

  it('old entries are replaced once, whether they were loaded or not', async () => {
    await run(newMachine(), async (env) => {
      const old = indexOf(env);
      fill(old, 1, 3);
      await old.entries.flush();
      const index = indexOf(env, 3);
      fill(index, 4, 5);
      assert.equal(await index.entries.load(1000), true);
      for (let round = 0; round < 2; round++) index.entries.replaceOld(Buffer.from(old.entries.inMemory()));
      assert.equal(index.entries.count, 5);
      assert.equal(index.lookup(1040)?.position, 400);
    });
  });

  it('flushes that overlap leave all entries in the file', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const index = indexOf(env);
      const flushes: Promise<boolean>[] = [];
      for (let at = 1; at <= 20; at++) {
        fill(index, at, at);
        flushes.push(index.entries.flush());
        if (at % 3 === 0) await env.clock.sleep(0);
      }
      await Promise.all(flushes);
    });
    assert.equal(contentOf(machine, PATH).length, 20 * 8);
  });

  it('replacing the old entries keeps the new ones', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const rebuilt = indexOf(env);
      fill(rebuilt, 1, 3);
      const index = indexOf(env, 7);
      fill(index, 4, 6);
      index.entries.replaceOld(Buffer.from(rebuilt.entries.inMemory()));
      assert.equal(index.entries.count, 6);
      assert.equal(index.lookup(1020)?.position, 200);
      assert.equal(index.lookup(1060)?.position, 600);
      await index.entries.flush();
    });
    assert.equal(contentOf(machine, PATH).length, 6 * 8);
  });
});
