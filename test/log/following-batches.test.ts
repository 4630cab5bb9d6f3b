import assert from 'node:assert/strict';
import { findFollowingBatch } from '../../src/log/following-batches.ts';
import { batchOf } from './batches.ts';
import { newMachine, run } from './log-in-world.ts';

const FACTS = { endOffset: 10, segmentBase: 0 };

function search(bytes: Buffer, facts = FACTS): Promise<number | undefined> {
  return run(newMachine(), async (env) => {
    const file = await env.disk.open('/d/searched', 'w+');
    await file.writev([bytes], 0);
    return await findFollowingBatch(file, 0, bytes.length, facts);
  });
}

describe('log: batches that follow bytes that are none', () => {
  const whole = batchOf(['a value'], { baseOffset: 12 });

  for (const [what, before] of [
    ['at the first byte', 0],
    ['after some bytes', 7],
    ['over the end of a chunk', 1024 * 1024 - 30],
    ['far behind', 3 * 1024 * 1024 + 5],
  ] as const) {
    it(`a whole batch ${what} is found`, async () => {
      assert.equal(await search(Buffer.concat([Buffer.alloc(before), whole, Buffer.alloc(3)])), before);
    });
  }

  for (const [what, bytes] of [
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(2 * 1024 * 1024)],
    ['magic bytes alone', Buffer.alloc(100_000, 2)],
    ['half a batch', whole.subarray(0, whole.length - 1)],
    ['a batch of an offset that the log has', batchOf(['a value'], { baseOffset: 9 })],
    ['a batch of an offset that no index reaches', batchOf(['a value'], { baseOffset: 2 ** 40 })],
    ['a batch with another byte', Buffer.from(whole).fill(1, whole.length - 1)],
  ] as const) {
    it(`${what}: none`, async () => assert.equal(await search(Buffer.concat([bytes])), undefined));
  }

  it('headers that values imitate end the search when their checksums would cost too much', async () => {
    const forged = batchOf([Buffer.alloc(40)], { baseOffset: 12 });
    forged.writeUInt32BE(0, 17);
    forged.writeInt32BE(400_000, 8);
    const bytes = Buffer.concat([...Array.from({ length: 40 }, () => forged), Buffer.alloc(400_000)]);
    assert.ok((await search(bytes)) !== undefined);
  });
});
