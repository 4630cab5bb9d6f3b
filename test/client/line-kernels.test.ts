import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { BatchSlot } from '../../src/client/batch-slot.ts';
import { COPY_SLACK_BYTES, viewOf } from '../../src/client/copy-bytes.ts';
import { DecodableBatch } from '../../src/client/decodable-batch.ts';
import { KernelMemory, SCRATCH_BYTES } from '../../src/client/kernel-memory.ts';
import { LineKernels } from '../../src/client/line-kernels.ts';
import { appendByKernel, appendLines } from '../../src/client/line-loops.ts';
import type { OutputChunk } from '../../src/client/record-output.ts';
import { copyByKernel, copyPlain } from '../../src/client/value-decoder.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import { BATCH_HEADER_BYTES } from '../../src/protocol/records/batch.ts';

const { compileKernels } = createRequire(import.meta.url)('../../bin/compile-kernels.js') as {
  compileKernels(): Promise<Uint8Array>;
};

const NEWLINE = Buffer.from('\n');

/** Lines of all the lengths at which a loop does something else, and of any bytes. */
const line = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 70 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 9_000 }).map((length) => new Uint8Array(length).fill(0xc3)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(127, 128, 511, 512, 16_383, 140_000).map((length) => new Uint8Array(length)),
  },
);

/** Whether the kernels find the bytes in their own memory. Blocks of it are used again, with what the last run left there. */
const PLACES = ['copied', 'in place'] as const;
type Place = (typeof PLACES)[number];
const SLOT_BYTES = 2 << 20;

describe('client/line-kernels', () => {
  let kernels: LineKernels;
  let blocks: Readonly<Record<'source' | 'slot' | 'chunk', (place: Place) => Buffer | undefined>>;

  before(async function () {
    this.timeout(60_000);
    const memory = new KernelMemory(SCRATCH_BYTES);
    kernels = new LineKernels(await compileKernels(), memory);
    const block = (byteCount: number) => {
      const bytes = memory.take(byteCount);
      return (place: Place) => (place === 'in place' ? bytes : undefined);
    };
    blocks = { source: block(16 << 20), slot: block(SLOT_BYTES + COPY_SLACK_BYTES), chunk: block(200_000) };
  });

  it('encode what the loops in JavaScript encode, and stop where they stop', () => {
    const delta = fc.constantFrom(0, 1, 63, 64, 8_192, 0x7fff_ffff);
    const check = (
      lines: Uint8Array[],
      rest: Uint8Array,
      delimiter: number,
      limitBytes: number,
      timestampDelta: number,
    ) => {
      const text = Buffer.concat([...lines.flatMap((bytes) => [bytes, Buffer.of(delimiter)]), rest]);
      const run = lineRun(text, delimiter, timestampDelta);
      const byLoops = openSlot(limitBytes);
      const end = appendLines(byLoops, run, 0);
      for (const place of PLACES) {
        const byKernel = openSlot(limitBytes, blocks.slot(place));
        const placed = lineRun(text, delimiter, timestampDelta, blocks.source(place));
        assert.equal(appendByKernel(kernels, byKernel, placed, 0), end);
        assert.deepEqual(facts(byKernel), facts(byLoops));
      }
    };
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 60 }),
        line,
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 100, max: 300_000 }),
        delta,
        check,
      ),
    );
  });

  it('go on from offset deltas of each length of varint', () => {
    const run = lineRun(Buffer.from('a\n\nbc\n'.repeat(9_000)), 10, 3);
    const byLoops = openSlot(1 << 20);
    appendLines(byLoops, run, 0);
    for (const place of PLACES) {
      const byKernel = openSlot(1 << 20, blocks.slot(place));
      appendByKernel(kernels, byKernel, run, 0);
      assert.equal(byKernel.recordCount, 27_000);
      assert.deepEqual(facts(byKernel), facts(byLoops));
    }
  });

  it('decode what the loop in JavaScript decodes, within the output and the limit', () => {
    const check = (lines: Uint8Array[], key: boolean, roomBytes: number, limit: number, delimiter: number) => {
      for (const place of PLACES) {
        const slot = recordsOf(lines, key, blocks.slot(place));
        const chunk = newChunk(roomBytes, blocks.chunk(place));
        const [byKernel, byLoop] = decodeBoth(kernels, slot, chunk, limit, Buffer.of(delimiter));
        assert.deepEqual(byKernel, byLoop);
      }
    };
    const lines = fc.array(
      line.filter((bytes) => bytes.length < 100_000),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(
        lines,
        fc.boolean(),
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 1, max: 70 }),
        fc.integer({ min: 0, max: 255 }),
        check,
      ),
    );
  });

  it('decode no more of damaged records than the loop in JavaScript', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
    const check = (lines: Uint8Array[], changes: [number, number][], place: Place) => {
      const slot = recordsOf(lines, false, blocks.slot(place));
      const recordsBytes = slot.position - BATCH_HEADER_BYTES;
      for (const [at, value] of changes) slot.bytes[BATCH_HEADER_BYTES + (at % recordsBytes)] = value;
      const byLoop = batchOf(slot, slot.position);
      try {
        copyPlain(byLoop, NEWLINE, newChunk(50_000), 1_000);
      } catch (error) {
        // The loop ran out of its memory: the kernel stops, and the record is refused when it is looked at.
        assert.ok(error instanceof RangeError);
        const byKernel = batchOf(slot, slot.position);
        copyByKernel(kernels, byKernel, NEWLINE, newChunk(50_000), 1_000);
        assert.throws(() => byKernel.nextRecord(), isInvalidRecord);
        return;
      }
      const [kernelResult, loopResult] = decodeBoth(
        kernels,
        slot,
        newChunk(50_000, blocks.chunk(place)),
        1_000,
        NEWLINE,
      );
      assert.deepEqual(kernelResult, loopResult);
    };
    const short = fc.uint8Array({ maxLength: 70 });
    const lines = fc.array(short, { minLength: 1, maxLength: 60 });
    fc.assert(fc.property(lines, damage, fc.constantFrom(...PLACES), check), { numRuns: 1_000 });
  });

  it('give a batch of records that are not plain back to JavaScript', () => {
    const slot = recordsOf([Buffer.from('x')], false);
    const batch = batchOf(slot, slot.position);
    assert.equal(copyByKernel(kernels, batch, NEWLINE, newChunk(1 << 20), 1_000), false);
  });
});

function isInvalidRecord(error: unknown): boolean {
  return error instanceof KafkaError && error.errorName === 'INVALID_RECORD';
}

/** Records of a batch as its slot holds them, with some zeros behind, which the loops leave alone. */
function recordsOf(lines: readonly Uint8Array[], key: boolean, memory?: Buffer): BatchSlot {
  const slot = openSlot(SLOT_BYTES, memory);
  for (const bytes of lines) {
    const { source } = lineRun(Buffer.concat([Buffer.from('key'), bytes]), 10, 0);
    assert.ok(slot.append(source, key ? 0 : -1, 3, 3, 3 + bytes.length, slot.recordCount * 50));
  }
  return slot;
}

type Decoded = { position: number; recordsLeft: number; output: Buffer; recordCount: number };

/** By the kernel as long as it takes any; by the loop as long as that does. */
function decodeBoth(
  kernels: LineKernels,
  slot: BatchSlot,
  kernelChunk: OutputChunk,
  limit: number,
  delimiter: Buffer,
): [Decoded, Decoded] {
  const [byKernel, byLoop] = [batchOf(slot, slot.position), batchOf(slot, slot.position)];
  const loopChunk = newChunk(kernelChunk.limit);
  for (let before = -1; before < kernelChunk.recordCount && kernelChunk.recordCount < limit; ) {
    before = kernelChunk.recordCount;
    copyByKernel(kernels, byKernel, delimiter, kernelChunk, limit - before);
  }
  copyPlain(byLoop, delimiter, loopChunk, limit);
  return [decoded(byKernel, kernelChunk), decoded(byLoop, loopChunk)];
}

function decoded(
  { position, recordsLeft }: DecodableBatch,
  { bytes, position: end, recordCount }: OutputChunk,
): Decoded {
  return { position, recordsLeft, output: bytes.subarray(0, end), recordCount };
}

function batchOf(slot: BatchSlot, end: number): DecodableBatch {
  const facts = {
    topic: 't',
    partition: 0,
    baseOffset: 0,
    baseTimestamp: 0n,
    logAppendTime: undefined,
    recordCount: slot.recordCount,
    lastOffsetDelta: slot.recordCount - 1,
  };
  const records = { bytes: slot.bytes, start: BATCH_HEADER_BYTES, end };
  return new DecodableBatch(facts, records, { fromOffset: 0, untilOffset: Infinity });
}

function newChunk(limit: number, memory: Buffer = Buffer.alloc(limit + COPY_SLACK_BYTES)): OutputChunk {
  return { bytes: memory, view: viewOf(memory), limit, position: 0, recordCount: 0, marks: [] };
}

function lineRun(
  text: Buffer,
  delimiter: number,
  timestampDelta: number,
  memory: Buffer = Buffer.alloc(text.length + COPY_SLACK_BYTES),
) {
  text.copy(memory);
  const source = { bytes: memory, view: viewOf(memory) };
  return { window: memory.subarray(0, text.length), source, delimiter, delimiterBytes: 1, timestampDelta };
}

function openSlot(limitBytes: number, memory?: Buffer): BatchSlot {
  const slot = new BatchSlot(limitBytes, memory);
  slot.open(0, 0, 0);
  return slot;
}

function facts(slot: BatchSlot) {
  const { position, recordCount, maxTimestampDelta } = slot;
  return { position, recordCount, maxTimestampDelta, records: slot.bytes.subarray(BATCH_HEADER_BYTES, position) };
}
