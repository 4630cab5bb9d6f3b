import assert from 'node:assert/strict';
import { Deadline } from '../../src/client/deadline.ts';
import { firstTimesMs, type UnreadPlace } from '../../src/client/group-offsets-times.ts';
import type { Transport, VersionRange } from '../../src/client/transport.ts';
import { Fetch } from '../../src/protocol/apis/index.ts';
import { CODECS } from '../../src/protocol/records/compression.ts';
import { ZERO_UUID } from '../../src/protocol/schema.ts';
import { dataBatch } from './batches.ts';
import { testEnv } from './test-env.ts';

const TIME_MS = 1_700_000_000_000;

function place(partition: number): UnreadPlace {
  return {
    topic: 't',
    topicId: ZERO_UUID,
    partition,
    leader: 1,
    leaderEpoch: -1,
    fetchOffset: 0,
    untilOffset: 1,
    failingSinceMs: undefined,
  };
}

/** What is found of partitions with these records, partition 0 first; and how many requests that took. */
async function timesOf(...records: readonly Buffer[]) {
  const env = testEnv();
  const places = records.map((_, partition) => place(partition));
  let requestCount = 0;
  const partitions = records.map((bytes, partitionIndex) => ({ partitionIndex, errorCode: 0, records: [bytes] }));
  const transport = {
    request: async () => {
      requestCount += 1;
      return { message: { responses: [{ topic: 't', topicId: ZERO_UUID, partitions }] }, release: () => undefined };
    },
    versions: async () => new Map<number, VersionRange>([[Fetch.key, { min: 4, max: 12 }]]),
    close: async () => undefined,
  } as unknown as Transport;
  const found = await firstTimesMs({ env, transport, deadline: new Deadline(env.clock, 5_000) }, places);
  return { times: places.map((each) => found.get(each)), requestCount };
}

describe('client: group-offsets-times', () => {
  const good = dataBatch([{ value: 'a' }], { baseTimestamp: BigInt(TIME_MS) });

  it('tells when the first record was written that is not read yet', async () => {
    const later = dataBatch([{ value: 'a', timestampDelta: 5 }], { baseTimestamp: BigInt(TIME_MS) });
    assert.deepEqual(await timesOf(good, later), { times: [TIME_MS, TIME_MS + 5], requestCount: 1 });
  });

  it('records of one partition that cannot be read cost the others nothing, and are not asked for again', async () => {
    const noGzip = dataBatch([], { attributes: CODECS.indexOf('gzip'), records: Buffer.from('no gzip'), count: 1 });
    const noRecord = dataBatch([], { records: Buffer.from([0x7f]), count: 1 });
    const flipped = Buffer.from(good);
    flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
    for (const bad of [noGzip, noRecord, flipped]) {
      assert.deepEqual(await timesOf(bad, good), { times: [undefined, TIME_MS], requestCount: 1 });
    }
  });
});
