/** Changed batches of all codecs, CRC put right again mostly: taken or refused with one of Kafka's errors, in bounded time. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import type { Env } from '../../src/kernel/env.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { prepareAppend } from '../../src/log/prepare-append.ts';
import { KafkaError } from '../../src/protocol/errors.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { compress, decompress } from '../../src/protocol/records/compression.ts';
import { batchOf, NO_PRODUCER } from '../helpers/raw-producer.ts';
import { Prng } from '../sim/prng.ts';
import { mutated } from './mutate.ts';
import { tell } from './result-line.ts';

const BATCH_COUNT = Number(process.env['STREAMCTL_BATCHES'] ?? 50_000);
const SEED = Number(process.env['STREAMCTL_SEED'] ?? 1);
const BATCHES_DIRECTORY = new URL('../wire/batches/', import.meta.url);
/** A batch of this lane has a few hundred bytes; what it may decompress to is bounded by 8 MiB. */
const BATCH_MS_MAX = 100;
const HEAP_GROWTH_BYTES_MAX = 64 << 20;
/** What would be decompressed elsewhere is decompressed here. */
const HERE = {
  offload: { compress, run: ({ codec, bytes, maxOutputBytes }) => decompress(codec, bytes, maxOutputBytes) },
} satisfies Pick<Env, 'offload'> as Env;

function seeds(): Buffer[] {
  const captured = readdirSync(BATCHES_DIRECTORY).map((file) =>
    Buffer.from(readFileSync(new URL(file, BATCHES_DIRECTORY), 'utf8').trim(), 'hex'),
  );
  return [...captured, batchOf([Buffer.from('a'), Buffer.from('bb')], NO_PRODUCER, -1)];
}

/** Length and CRC as the changed bytes need them, so that the change is seen by what comes behind those checks. */
function resealed(bytes: Buffer): Buffer {
  if (bytes.length < batch.BATCH_HEADER_BYTES) return bytes;
  bytes.writeInt32BE(bytes.length - 12, 8);
  batch.patchCrc(bytes, 0);
  return bytes;
}

describe('batches that no proper client sends', function () {
  this.timeout(600_000);

  it(`${BATCH_COUNT} of them are taken, or refused with an error of Kafka's`, async () => {
    const prng = new Prng(SEED);
    const all = seeds();
    const outcomes: Record<string, number> = {};
    let slowestMs = 0;
    for (const bytes of all) await prepareAppend(HERE, request(Buffer.from(bytes)), DEFAULT_LOG_CONFIG);
    const heapBefore = process.memoryUsage().heapUsed;
    for (let index = 0; index < BATCH_COUNT; index += 1) {
      const start = prng.hits(0.5) ? batch.BATCH_HEADER_BYTES : 0;
      const changed = mutated(prng.pick(all), prng, start);
      const bytes = prng.hits(0.8) ? resealed(changed) : changed;
      const began = performance.now();
      let outcome = 'taken';
      try {
        await prepareAppend(HERE, request(bytes), DEFAULT_LOG_CONFIG);
      } catch (error) {
        assert.ok(error instanceof KafkaError, `${index} ${bytes.toString('hex')}: ${String(error)}`);
        outcome = error.errorName;
      }
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      slowestMs = Math.max(slowestMs, performance.now() - began);
    }
    const heapMiB = (process.memoryUsage().heapUsed - heapBefore) >> 20;
    tell('batches', { batches: BATCH_COUNT, seed: SEED, slowestMs: Math.round(slowestMs), heapMiB, ...outcomes });
    assert.ok(slowestMs < BATCH_MS_MAX, `${slowestMs} ms`);
    assert.ok(heapMiB << 20 < HEAP_GROWTH_BYTES_MAX, `${heapMiB} MiB`);
  });
});

function request(bytes: Buffer): Parameters<typeof prepareAppend>[1] {
  return { records: [bytes], origin: 'client', leaderEpoch: 0, apiVersion: 9 };
}
