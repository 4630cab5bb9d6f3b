import assert from 'node:assert/strict';
import { realOffload } from '../../src/cli/real-offload.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import { codecAvailable, compress } from '../../src/protocol/records/compression.ts';

const content = Buffer.alloc(700_000, 'some text that repeats, ');

describe('realOffload', () => {
  const reasons: string[] = [];
  const offload = realOffload({ debug: (reason) => reasons.push(reason) });

  after(() => assert.deepEqual(reasons, [], 'by a worker'));

  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    it(`decompresses ${codec} while the event loop turns, and keeps its bound`, async function () {
      if (!codecAvailable(codec)) this.skip();
      const bytes = await compress(codec, content);
      const run = (maxOutputBytes: number): Promise<Buffer> =>
        offload.run({ kind: 'decompress', codec, bytes, maxOutputBytes });
      const outputs = await Promise.all([run(content.length), run(1 << 20), run(content.length)]);
      for (const output of outputs) assert.ok(output.equals(content));
      const isInvalid = (error: unknown): boolean =>
        error instanceof KafkaError && error.errorName === 'INVALID_RECORD';
      await assert.rejects(run(content.length - 1), isInvalid);
      const broken = { kind: 'decompress', codec, bytes: Buffer.alloc(70_000, 0xee), maxOutputBytes: 1 << 20 } as const;
      await assert.rejects(offload.run(broken), isInvalid);
      assert.ok((await offload.run({ ...broken, bytes: await offload.compress(codec, content) })).equals(content));
    });
  }

  it('does few at once, however many are given, so that memory is bounded', async () => {
    const bomb = await compress('gzip', Buffer.alloc(24 << 20));
    const small = await compress('gzip', content);
    const task = { kind: 'decompress', codec: 'gzip', maxOutputBytes: 32 << 20 } as const;
    let doneCount = 0;
    const bombs = Array.from({ length: 4 }, async () => {
      await offload.run({ ...task, bytes: bomb });
      doneCount += 1;
    });
    await offload.run({ ...task, bytes: small });
    assert.ok(doneCount > 0, 'begun when one of the four before it was done');
    await Promise.all(bombs);
    // Those that fail give their turn on, too.
    const failing = Array.from({ length: 12 }, () => offload.run({ ...task, bytes: bomb, maxOutputBytes: 1000 }));
    for (const result of await Promise.allSettled(failing)) assert.equal(result.status, 'rejected');
    assert.ok((await offload.run({ ...task, bytes: small })).equals(content));
  });

  it('takes a part of a larger block of memory as it is', async () => {
    const bytes = await compress('lz4', content);
    const block = Buffer.alloc(bytes.length + 200, 0xff);
    block.set(bytes, 100);
    const part = block.subarray(100, 100 + bytes.length);
    const task = { kind: 'decompress', codec: 'lz4', bytes: part, maxOutputBytes: content.length } as const;
    assert.ok((await offload.run(task)).equals(content));
    assert.equal(block[99], 0xff);
    assert.ok(part.equals(bytes), 'the input is still there');
  });
});
