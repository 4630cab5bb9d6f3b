import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ByteBudget } from '../../src/kernel/byte-budget.ts';
import { type Slab, SlabPool } from '../../src/kernel/slab-pool.ts';
import { FrameReader, SCRATCH_BYTES } from '../../src/net/frame-reader.ts';
import { AT_ONCE_BYTES } from '../../src/net/growing-frame.ts';

const MEBIBYTE = 1 << 20;

/** A reader with everything it tells, and a hand that feeds it as a socket does. */
function reading(options: { budgetBytes?: number; frameBytesMax?: (apiKey: number) => number } = {}) {
  const pool = new SlabPool();
  const budget = new ByteBudget(options.budgetBytes ?? 64 * MEBIBYTE);
  const slabs: Slab[] = [];
  const frames: Buffer[] = [];
  const refusals: { reason: string; head: Buffer }[] = [];
  const ends: (Error | undefined)[] = [];
  const state = { isPaused: false, releaseAtOnce: true, onFrame: () => undefined as unknown };
  const reader = new FrameReader(
    {
      pool,
      budget,
      frameBytesMax: options.frameBytesMax ?? (() => 100 * MEBIBYTE),
      pause: () => {
        assert.ok(!state.isPaused);
        state.isPaused = true;
      },
      resume: () => {
        assert.ok(state.isPaused);
        state.isPaused = false;
      },
    },
    {
      frame: (slab) => {
        frames.push(Buffer.from(slab.bytes));
        if (state.releaseAtOnce) slab.release();
        else slabs.push(slab);
        state.onFrame();
      },
      refused: (reason, head) => refusals.push({ reason, head }),
      ended: (error) => ends.push(error),
    },
  );
  // As Node does it: the memory for the next read is asked for right after the last one.
  let target = reader.target();
  const feed = (bytes: Uint8Array): void => {
    for (let position = 0; position < bytes.length; ) {
      const part = bytes.subarray(position, position + target.length);
      target.set(part);
      position += part.length;
      reader.received(part.length);
      target = reader.target();
      assert.ok(target.length > 0);
    }
  };
  return { pool, budget, slabs, frames, refusals, ends, state, reader, feed };
}

function framed(body: Uint8Array): Buffer {
  const frame = Buffer.alloc(4 + body.length);
  frame.writeInt32BE(body.length);
  frame.set(body, 4);
  return frame;
}

function patterned(byteCount: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(byteCount);
  for (let index = 0; index < byteCount; index += 1) bytes[index] = (index * 31 + seed * 7 + (index >> 8)) & 0xff;
  return bytes;
}

describe('FrameReader', () => {
  it('gives the same frames for any split of any frames', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 150_000 })), {
      minLength: 1,
      maxLength: 8,
    });
    const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 100_000 })), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(sizes, cuts, fc.boolean(), (byteCounts, partBytes, isTight) => {
        const bodies = byteCounts.map((byteCount, index) => patterned(byteCount, index));
        const stream = Buffer.concat(bodies.map(framed));
        const { frames, feed, budget, pool, state, slabs } = reading(isTight ? { budgetBytes: 50_000 } : {});
        state.releaseAtOnce = !isTight;
        let position = 0;
        for (let turn = 0; position < stream.length; turn += 1) {
          const part = stream.subarray(position, position + (partBytes[turn % partBytes.length] ?? 1));
          feed(part);
          position += part.length;
          while (state.isPaused) {
            assert.ok(slabs.length > 0);
            slabs.shift()?.release();
          }
        }
        for (const slab of slabs) slab.release();
        assert.equal(frames.length, bodies.length);
        for (const [index, body] of bodies.entries()) assert.ok(frames[index]?.equals(body));
        assert.equal(budget.usedBytes, 0);
        assert.equal(pool.outstandingCount, 0);
      }),
      { numRuns: 150 },
    );
  });

  it('owns no memory while it is idle, and shares one buffer with all others', () => {
    const [one, other] = [reading(), reading()];
    one.feed(framed(patterned(100)));
    assert.equal(one.reader.target(), other.reader.target());
    assert.equal(one.reader.target().length, SCRATCH_BYTES);
    assert.equal(one.pool.outstandingCount, 0);
    assert.equal(one.budget.usedBytes, 0);
  });

  it('has the kernel fill exactly the rest of an unfinished frame', () => {
    const { reader, feed, frames } = reading();
    const stream = framed(patterned(500_000));
    feed(stream.subarray(0, 10));
    const target = reader.target();
    assert.equal(target.length, stream.length - 10);
    target.set(stream.subarray(10));
    reader.received(target.length);
    assert.deepEqual(frames, [stream.subarray(4)]);
    assert.equal(reader.target().length, SCRATCH_BYTES);
  });

  it('takes memory for a large frame as its bytes arrive', () => {
    const { feed, budget, frames } = reading();
    const stream = framed(patterned(9 * MEBIBYTE));
    feed(stream.subarray(0, 6));
    assert.equal(budget.usedBytes, AT_ONCE_BYTES);
    feed(stream.subarray(6, 4 * MEBIBYTE));
    assert.equal(budget.usedBytes, 4 * MEBIBYTE);
    feed(stream.subarray(4 * MEBIBYTE));
    assert.equal(frames.length, 1);
    assert.ok(frames[0]?.equals(stream.subarray(4)));
    assert.equal(budget.usedBytes, 0);
  });

  it('pauses when the budget is used up and goes on when there is room', () => {
    const { feed, budget, frames, state, slabs } = reading({ budgetBytes: 1000 });
    state.releaseAtOnce = false;
    feed(Buffer.concat([600, 300, 200, 100].map((byteCount) => framed(patterned(byteCount)))));
    assert.equal(frames.length, 2);
    assert.ok(state.isPaused);
    slabs[0]?.release();
    assert.equal(frames.length, 4);
    assert.ok(!state.isPaused);
    for (const slab of slabs.slice(1)) slab.release();
    assert.equal(budget.usedBytes, 0);
  });

  it('finishes large frames one after the other when the budget is too small for any two', () => {
    const shared = { pool: new SlabPool(), budget: new ByteBudget(5 * MEBIBYTE) };
    const frames: number[] = [];
    const paused = new Set<number>();
    const stream = framed(patterned(8 * MEBIBYTE));
    const readers = [0, 1, 2].map((index) => {
      const sink = { frame: done, refused: () => assert.fail(), ended: () => undefined };
      function done(slab: Slab): void {
        assert.ok(slab.bytes.equals(stream.subarray(4)));
        frames.push(index);
        slab.release();
      }
      const limits = { frameBytesMax: () => 100 * MEBIBYTE };
      const flow = { pause: () => void paused.add(index), resume: () => void paused.delete(index) };
      return { reader: new FrameReader({ ...shared, ...limits, ...flow }, sink), position: 0 };
    });
    for (let turn = 0; frames.length < 3; turn += 1) {
      assert.ok(turn < 10_000, 'all frames come to their end');
      const index = turn % 3;
      const connection = readers[index]!;
      if (paused.has(index)) continue;
      const target = connection.reader.target();
      const part = stream.subarray(connection.position, connection.position + Math.min(target.length, 100_000));
      if (part.length === 0) continue;
      target.set(part);
      connection.position += part.length;
      connection.reader.received(part.length);
    }
    assert.equal(shared.budget.usedBytes, 0);
  });

  it('hands out nothing while it is held, and loses nothing', () => {
    const { feed, reader, frames, state } = reading();
    state.onFrame = () => {
      if (frames.length === 1) reader.hold();
    };
    const bodies = [50, 60, 300_000, 70].map((byteCount) => patterned(byteCount));
    const stream = Buffer.concat(bodies.map(framed));
    feed(stream.subarray(0, 1000));
    assert.equal(frames.length, 1);
    assert.ok(state.isPaused);
    feed(stream.subarray(1000, 2000));
    assert.equal(frames.length, 1);
    reader.release();
    assert.ok(!state.isPaused);
    feed(stream.subarray(2000));
    assert.deepEqual(frames, bodies);
  });

  it('hands out a frame that became complete while it was held', () => {
    const { feed, reader, frames } = reading();
    const stream = framed(patterned(200_000));
    feed(stream.subarray(0, 100_000));
    reader.hold();
    feed(Buffer.concat([stream.subarray(100_000), framed(patterned(30))]));
    assert.equal(frames.length, 0);
    reader.release();
    assert.deepEqual(
      frames.map((frame) => frame.length),
      [200_000, 30],
    );
  });

  const tlsHello = Buffer.from('1603010200010001fc0303', 'hex');
  const negative = Buffer.from([0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5]);
  const hostile: [string, Buffer, RegExp][] = [
    ['a negative length', negative, /frame length -1/],
    ['a length of 0', Buffer.alloc(4), /frame length 0/],
    ['a length above the limit', framed(Buffer.alloc(2000)), /2000 above the limit of 1000/],
    ['a TLS hello', tlsHello, /TLS/],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n'), /HTTP/],
  ];
  for (const [what, bytes, reason] of hostile) {
    it(`refuses ${what}, once and before it takes memory`, () => {
      const { feed, refusals, frames, pool, budget, reader, ends } = reading({ frameBytesMax: () => 1000 });
      feed(framed(patterned(20)));
      for (const byte of bytes) feed(Buffer.from([byte]));
      feed(framed(patterned(20)));
      assert.equal(frames.length, 1);
      assert.equal(refusals.length, 1);
      assert.match(refusals[0]?.reason ?? '', reason);
      assert.ok(bytes.subarray(0, 8).indexOf(refusals[0]!.head) === 0);
      assert.equal(pool.outstandingCount, 0);
      assert.equal(budget.usedBytes, 0);
      reader.ended();
      assert.deepEqual(ends, [undefined]);
    });
  }

  it('asks for the limit by API key', () => {
    const keys: number[] = [];
    const { feed } = reading({
      frameBytesMax: (apiKey) => {
        keys.push(apiKey);
        return 1000;
      },
    });
    feed(framed(Buffer.from([0, 18, 0, 3])));
    feed(framed(Buffer.from([7])));
    assert.deepEqual(keys, [18, -1]);
  });

  it('drops an unfinished frame at the end, and leaves the line for memory', () => {
    const { feed, reader, budget, pool, ends, state, slabs } = reading({ budgetBytes: 1000 });
    state.releaseAtOnce = false;
    feed(framed(patterned(900)));
    feed(framed(patterned(500)).subarray(0, 100));
    assert.equal(budget.waitingCount, 1);
    reader.ended(new Error('reset'));
    assert.equal(budget.waitingCount, 0);
    assert.equal(ends.length, 1);
    slabs[0]?.release();
    assert.equal(budget.usedBytes, 0);
    assert.equal(pool.outstandingCount, 0);
  });
});
