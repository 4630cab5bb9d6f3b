import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import {
  attributes,
  BATCH_HEADER_BYTES,
  baseTimestamp,
  batchBytes,
  computeCrc,
  crc,
  maxTimestamp,
  recordCount,
} from '../../src/protocol/records/batch.ts';
import { codecAvailable, codecOf, decompress } from '../../src/protocol/records/compression.ts';
import { forEachRecord, walkRecords } from '../../src/protocol/records/record-walk.ts';

/** Batches of 200 records "line <n> of the same words", as Kafka served what the Java client and kcat had produced. */
const BATCHES_DIRECTORY = new URL('./batches/', import.meta.url);
const RECORDS = 200;

describe('batches of others', () => {
  for (const file of readdirSync(BATCHES_DIRECTORY)) {
    it(`${file} is read`, async function () {
      const batch = Buffer.from(readFileSync(new URL(file, BATCHES_DIRECTORY), 'utf8').trim(), 'hex');
      const codec = codecOf(attributes(batch, 0));
      assert.equal(codec, file.split('.')[0]);
      assert.equal(batchBytes(batch, 0), batch.length);
      assert.equal(computeCrc(batch, 0), crc(batch, 0));
      assert.equal(recordCount(batch, 0), RECORDS);
      if (!codecAvailable(codec!)) {
        this.skip();
      }
      const records = await decompress(codec!, batch.subarray(BATCH_HEADER_BYTES), 100_000);
      const { maxTimestampDelta, keylessOffsetDelta } = walkRecords(records, 0, records.length, RECORDS);
      assert.equal(baseTimestamp(batch, 0) + BigInt(maxTimestampDelta), maxTimestamp(batch, 0));
      assert.equal(keylessOffsetDelta, 0);
      const values: string[] = [];
      forEachRecord(records, 0, records.length, RECORDS, (record) => {
        values.push(records.toString('utf8', record.valueStart, record.valueEnd));
      });
      assert.deepEqual(
        values,
        Array.from({ length: RECORDS }, (_, line) => `line ${line} of the same words`),
      );
    });
  }
});
