import assert from 'node:assert/strict';
import { type FoundRecord, forEachGroupRecord, groupBatches } from '../../src/coordinator/group-batch.ts';
import { LatestOffsets } from '../../src/coordinator/latest-offsets.ts';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { checkBatchHeader, checkRecords } from '../../src/log/validate-batch.ts';
import type { GroupRecord } from '../../src/protocol/group/group-record.ts';
import * as batch from '../../src/protocol/records/batch.ts';
import { offsetRecord } from './fake-machine.ts';

function read(bytes: Buffer): FoundRecord[] {
  const found: FoundRecord[] = [];
  const source = { records: bytes, start: batch.BATCH_HEADER_BYTES, end: bytes.length };
  forEachGroupRecord(bytes, 0, source, {
    offset: (...noted) => {
      const latest = new LatestOffsets();
      latest.note(...noted);
      found.push(...latest.take());
    },
    other: (each) => found.push(each),
  });
  return found;
}

describe('coordinator: batches of group records', () => {
  it('are what a log takes, and are read again as they were', () => {
    const tombstone = { kind: 'offset-commit', groupId: 'g', topic: 'u', partition: 3, value: null } as const;
    const records: GroupRecord[] = [offsetRecord('t', 5, 'é'), tombstone, offsetRecord('t', 1, 'x'.repeat(3000))];
    for (let at = 0; at < 200; at += 1) records.push(offsetRecord(`t${at}`, at));
    const [only, ...others] = groupBatches(records, 1_767_225_600_000);
    assert.ok(only !== undefined);
    assert.deepEqual(others, []);
    checkBatchHeader(only.bytes, 'coordinator', DEFAULT_LOG_CONFIG, undefined);
    const { max } = checkRecords(only.bytes, only.bytes, batch.BATCH_HEADER_BYTES, DEFAULT_LOG_CONFIG);
    assert.equal(max, 1_767_225_600_000n);
    batch.patchBaseOffset(only.bytes, 0, 40);
    const found = read(only.bytes);
    assert.deepEqual(
      found.map(({ record }) => record),
      records,
    );
    assert.deepEqual(
      found.map(({ offset }) => offset),
      records.map((_, at) => 40 + at),
    );
    assert.equal(found[0]?.wallMs, 1_767_225_600_000);
  });

  it('are split where that is allowed, each record once', () => {
    const records = Array.from({ length: 100 }, (_, at) => offsetRecord(`t${at}`, at, 'm'.repeat(50)));
    records[50] = offsetRecord('big', 1, 'm'.repeat(4000));
    const parts = groupBatches(records, 1, 1000);
    assert.ok(parts.length > 5);
    assert.deepEqual(
      parts.flatMap((part) => read(part.bytes).map(({ record }) => record)),
      records,
    );
    for (const { bytes, records: held } of parts) assert.ok(bytes.length <= 1000 || held.length === 1);
  });
});
