import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { ConsumeOutput } from '../../src/client/consumer.ts';
import { DecodableBatch } from '../../src/client/decodable-batch.ts';
import { decodeRecords } from '../../src/client/record-decoder.ts';
import { RecordOutput } from '../../src/client/record-output.ts';
import { decodeValues } from '../../src/client/value-decoder.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import { BATCH_HEADER_BYTES } from '../../src/protocol/records/batch.ts';
import { dataBatch, type PlainRecord } from './batches.ts';

const latin1 = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

const records = fc
  .array(
    fc.record({
      key: fc.option(latin1),
      value: fc.option(latin1),
      timestampDelta: fc.oneof(fc.integer({ min: -200, max: 200 }), fc.integer({ min: -(2 ** 51), max: 2 ** 51 })),
      gap: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 100_000 })),
      headers: fc.array(fc.tuple(latin1, fc.option(latin1)), { maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((items) => {
    let offsetDelta = -1;
    return items.map(({ gap, ...rest }) => {
      offsetDelta += gap;
      return { ...rest, offsetDelta };
    });
  });

class Collected implements ConsumeOutput {
  readonly chunks: Buffer[] = [];
  write(bytes: Uint8Array): Promise<void> {
    this.chunks.push(Buffer.from(bytes));
    return Promise.resolve();
  }
}

function decodable(items: readonly PlainRecord[], wanted = { fromOffset: 0, untilOffset: Infinity }): DecodableBatch {
  const bytes = dataBatch(items);
  const facts = {
    topic: 't',
    partition: 0,
    baseOffset: 1000,
    baseTimestamp: 0n,
    logAppendTime: undefined,
    recordCount: items.length,
    lastOffsetDelta: items.at(-1)?.offsetDelta ?? items.length - 1,
  };
  return new DecodableBatch(facts, { bytes, start: BATCH_HEADER_BYTES, end: bytes.length }, wanted);
}

describe('decoders', () => {
  it('copy the values of the wanted offsets, up to the limit, and go on where they stopped', async () => {
    const range = fc.tuple(fc.integer({ min: 990, max: 1040 }), fc.integer({ min: 990, max: 1100 }));
    const limits = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        records,
        range,
        limits,
        fc.constantFrom('\n', '', '<->'),
        async (items, [fromOffset, untilOffset], steps, delimiter) => {
          const wantedItems = items.filter(
            ({ offsetDelta }) => 1000 + offsetDelta >= fromOffset && 1000 + offsetDelta < untilOffset,
          );
          const expected = wantedItems.map(({ value }) => `${value ?? ''}${delimiter}`);
          const bySink = wantedItems.map(({ value, timestampDelta }) => `${value ?? 'null'}@${timestampDelta}`);
          const raw = new Collected();
          const shown = new Collected();
          const rawOutput = new RecordOutput(raw);
          const shownOutput = new RecordOutput(shown);
          const wanted = { fromOffset, untilOffset };
          const batches = [decodable(items, wanted), decodable(items, wanted)] as const;
          const sink = {
            record: (view: { source: Buffer; valueStart: number; valueEnd: number; timestamp: bigint }) => {
              const value =
                view.valueStart < 0 ? 'null' : view.source.toString('latin1', view.valueStart, view.valueEnd);
              const text = Buffer.from(`${value}@${view.timestamp}`, 'latin1');
              shownOutput.bytes(text, 0, text.length);
            },
          };
          let taken = 0;
          for (const step of [...steps, Infinity]) {
            const count = decodeValues(batches[0], Buffer.from(delimiter), rawOutput, step);
            assert.equal(count, Math.min(step, expected.length - taken));
            assert.equal(decodeRecords(batches[1], sink, shownOutput, step), count);
            taken += count;
          }
          assert.equal(batches[0].recordsLeft, 0);
          assert.equal(batches[1].recordsLeft, 0);
          rawOutput.flush();
          shownOutput.flush();
          await Promise.all([rawOutput.finished(), shownOutput.finished()]);
          assert.equal(Buffer.concat(raw.chunks).toString('latin1'), expected.join(''));
          assert.equal(Buffer.concat(shown.chunks).toString('latin1'), bySink.join(''));
          assert.deepEqual(rawOutput.written.records, expected.length);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('throw, and never read outside the batch, whatever bytes it holds', () => {
    fc.assert(
      fc.property(
        records,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 5 }),
        (items, changes) => {
          const batch = decodable(items);
          const { bytes } = batch;
          for (const [at, value] of changes)
            bytes[BATCH_HEADER_BYTES + (at % (bytes.length - BATCH_HEADER_BYTES))] = value;
          const output = new RecordOutput(new Collected());
          try {
            decodeValues(batch, Buffer.from('\n'), output, Infinity);
            assert.ok(output.chunk.position <= bytes.length + items.length);
          } catch (error) {
            assert.ok(error instanceof KafkaError || error instanceof RangeError, String(error));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('record output', () => {
  it('writes one piece at a time, in order, and asks to wait when much is unwritten', async () => {
    const pieces: string[] = [];
    const releases: (() => void)[] = [];
    const output = new RecordOutput({
      write: (bytes) =>
        new Promise((resolve) => {
          pieces.push(Buffer.from(bytes).toString());
          releases.push(resolve);
        }),
    });
    for (const text of ['a', 'b', 'c']) {
      assert.equal(output.isFull, false);
      output.text(text);
      output.flush();
    }
    assert.equal(output.isFull, true);
    assert.deepEqual(pieces, ['a']);
    let hasRoom = false;
    const waiting = output.room().then(() => {
      hasRoom = true;
    });
    releases.shift()?.();
    await waiting;
    assert.equal(hasRoom, true);
    assert.deepEqual(pieces, ['a', 'b']);
    const finished = output.finished();
    for (let turn = 0; turn < 4; turn++) {
      releases.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await finished;
    assert.deepEqual(pieces, ['a', 'b', 'c']);
    assert.equal(output.written.bytes, 3);
  });

  it('writes nothing after a failure', async () => {
    let count = 0;
    const output = new RecordOutput({ write: () => Promise.reject(new Error(`failure ${++count}`)) });
    output.text('a');
    output.flush();
    output.text('b');
    output.flush();
    await output.finished();
    await output.room();
    assert.equal((output.failure as Error).message, 'failure 1');
    assert.deepEqual(output.written, { records: 0, bytes: 0 });
  });
});
