/** B-7: what clients ask for without bound, and answers that nobody reads. */
import assert from 'node:assert/strict';
import { ApiVersions, CreateTopics, Fetch, Metadata } from '../../../src/protocol/apis/index.ts';
import { type ErrorName, errorName } from '../../../src/protocol/errors.ts';
import type { RequestInput, ResponseOf } from '../../../src/protocol/schema.ts';
import { withBroker } from '../broker-in-world.ts';
import { frameOf } from '../fake-socket.ts';
import { type HostileSocket, hostileTest, TOPIC } from './hostile.ts';
import { properBatch } from './raw-batch.ts';

type FetchInput = RequestInput<typeof Fetch>;

const MIB = 1 << 20;
const STALL_MS = 1500;
const VERSION = 11;

function fetchOf(changes: Partial<FetchInput> = {}, partition: object = {}): Buffer {
  const asked = { partition: 0, fetchOffset: 0n, partitionMaxBytes: MIB, ...partition };
  return frameOf(Fetch, VERSION, 7, {
    maxWaitMs: 0,
    minBytes: 1,
    topics: [{ topic: TOPIC, partitions: [asked] }],
    ...changes,
  });
}

/** What is refused, of the whole request or of its partition. */
const REFUSED: readonly (readonly [name: string, frame: Buffer, expected: ErrorName])[] = [
  ['an offset of -1', fetchOf({}, { fetchOffset: -1n }), 'OFFSET_OUT_OF_RANGE'],
  ['an offset of -2^63', fetchOf({}, { fetchOffset: -(2n ** 63n) }), 'OFFSET_OUT_OF_RANGE'],
  ['an offset of 2^63 - 1', fetchOf({}, { fetchOffset: 2n ** 63n - 1n }), 'OFFSET_OUT_OF_RANGE'],
  ['an offset of 2^53 + 1', fetchOf({}, { fetchOffset: 2n ** 53n + 1n }), 'OFFSET_OUT_OF_RANGE'],
  ['partition -1', fetchOf({}, { partition: -1 }), 'UNKNOWN_TOPIC_OR_PARTITION'],
  ['partition 2^31 - 1', fetchOf({}, { partition: 0x7fffffff }), 'UNKNOWN_TOPIC_OR_PARTITION'],
  ['a leader epoch of the future', fetchOf({}, { currentLeaderEpoch: 0x7fffffff }), 'UNKNOWN_LEADER_EPOCH'],
  ['a session that was never given', fetchOf({ sessionId: 7, sessionEpoch: 3 }), 'FETCH_SESSION_ID_NOT_FOUND'],
  ['a session with the last epoch', fetchOf({ sessionEpoch: 0x7fffffff }), 'FETCH_SESSION_ID_NOT_FOUND'],
  ['the name of a follower', fetchOf({ replicaId: 2 }), 'TOPIC_AUTHORIZATION_FAILED'],
];

/** What is bounded or taken for what it must mean. */
const BOUNDED: readonly (readonly [name: string, frame: Buffer])[] = [
  ['2^31 - 1 bytes', fetchOf({ maxBytes: 0x7fffffff }, { partitionMaxBytes: 0x7fffffff })],
  ['0 bytes', fetchOf({ maxBytes: 0 }, { partitionMaxBytes: 0 })],
  ['-1 bytes', fetchOf({ maxBytes: -1 }, { partitionMaxBytes: -1 })],
  ['a wait of -2^31', fetchOf({ maxWaitMs: -0x80000000 })],
  ['at least -1 bytes', fetchOf({ minBytes: -1 })],
  ['an isolation level that nobody knows', fetchOf({ isolationLevel: 99 })],
  ['a session of its own', fetchOf({ sessionEpoch: 0 })],
];

describe('bad input: answers', () => {
  const running = hostileTest([`streamctl.stall.ms=${STALL_MS}`]);

  function partitionOf(answer: ResponseOf<typeof Fetch>) {
    return answer.responses[0]?.partitions[0];
  }

  for (const [name, frame, expected] of REFUSED) {
    it(`B-7: a fetch of ${name}: ${expected}`, async () => {
      const test = running();
      const answer = test.answer(Fetch, VERSION, await test.unmoved(() => test.attack(frame)));
      assert.equal(errorName(answer.errorCode || (partitionOf(answer)?.errorCode ?? 0)), expected);
    });
  }

  for (const [name, frame] of BOUNDED) {
    it(`B-7: a fetch of ${name} gets at least a batch, and no more than is there`, async () => {
      const test = running();
      const answer = test.answer(Fetch, VERSION, await test.unmoved(() => test.attack(frame)));
      assert.equal(answer.errorCode, 0);
      assert.equal(partitionOf(answer)?.errorCode, 0);
      const byteCount = (partitionOf(answer)?.records ?? []).reduce((sum, { length }) => sum + length, 0);
      assert.ok(byteCount > 61 && byteCount < MIB);
      assert.equal(answer.sessionId, 0);
    });
  }

  it('B-7: nobody waits longer than five minutes', () =>
    withBroker(async (world) => {
      await world.createTopic(TOPIC);
      for (const [maxWaitMs, expectedMs] of [
        [0x7fffffff, 300_000],
        [-1, 0],
      ] as const) {
        const beganMs = world.env.clock.monotonicMs();
        await world.fetch(TOPIC, 0, { maxWaitMs });
        const waitedMs = world.env.clock.monotonicMs() - beganMs;
        assert.ok(waitedMs >= expectedMs && waitedMs < expectedMs + 1000, `${waitedMs} ms`);
      }
    }));

  it('B-7: one partition ten thousand times over in one fetch is one answer within its bounds', async () => {
    const test = running();
    const partition = { partition: 0, fetchOffset: 0n, partitionMaxBytes: MIB };
    const topics = [{ topic: TOPIC, partitions: Array.from({ length: 10_000 }, () => partition) }];
    const frame = frameOf(Fetch, VERSION, 7, { maxWaitMs: 0, minBytes: 1, maxBytes: MIB, topics });
    const answer = test.answer(Fetch, VERSION, await test.unmoved(() => test.attack(frame, 30_000)));
    const partitions = answer.responses[0]?.partitions ?? [];
    assert.equal(partitions.length, 10_000);
    const byteCount = partitions.reduce((sum, { records }) => sum + (records?.[0]?.length ?? 0), 0);
    assert.ok(byteCount <= MIB + 1000, `${byteCount} bytes`);
  });

  it('B-7: a thousand fetches that wait cost a connection no more than a hundred places', async () => {
    const test = running();
    const hostile = await test.open();
    const end = BigInt((await test.state()).match(/"offsets":\["(\d+)"/)?.[1] ?? 0);
    const waiting = fetchOf({ maxWaitMs: 0x7fffffff }, { fetchOffset: end });
    for (let times = 0; times < 1000; times += 1) hostile.write(waiting);
    assert.equal(await hostile.until(() => hostile.frames.length > 0, 300), false);
    await test.produceHealthily();
    assert.ok(await hostile.until(() => hostile.frames.length > 0));
    hostile.socket.destroy();
    await test.produceHealthily();
  });

  /** Sends a request over and over on sockets that read nothing; answers how many bytes more the process has then. */
  async function unread(frame: Buffer, socketCount: number, times: number) {
    const test = running();
    const before = process.memoryUsage();
    const hostiles: HostileSocket[] = [];
    for (let index = 0; index < socketCount; index += 1) {
      const hostile = await test.open();
      hostile.socket.pause();
      for (let sent = 0; sent < times; sent += 1) hostile.write(frame);
      hostiles.push(hostile);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    await test.produceHealthily();
    const after = process.memoryUsage();
    return { hostiles, bytes: after.rss - before.rss };
  }

  it('B-7: answers that nobody reads are no more than a few, and their connections are cut off', async () => {
    const test = running();
    for (let times = 0; times < 8; times += 1)
      assert.equal(await test.produce(properBatch(['x'.repeat(MIB - 500)])), 'NONE');
    const { hostiles, bytes } = await unread(fetchOf({ maxBytes: 50 * MIB }, { partitionMaxBytes: 50 * MIB }), 20, 50);
    assert.ok(bytes < 300 * MIB, `${bytes >> 20} MiB more`);
    for (const hostile of hostiles) hostile.socket.resume();
    // What was cut off has an end, and not all of its answers.
    await new Promise((resolve) => setTimeout(resolve, STALL_MS + 1500));
    await test.produceHealthily();
    for (const hostile of hostiles) hostile.socket.destroy();
  });

  it('B-7: short requests with long answers, unread, stop being read', async () => {
    const test = running();
    const topics = Array.from({ length: 40 }, (_, index) => ({
      name: `many-${index}`,
      numPartitions: 100,
      replicationFactor: 1,
    }));
    await test.healthy.request(CreateTopics, 7, { topics });
    const { hostiles, bytes } = await unread(frameOf(Metadata, 9, 7, { topics: null }), 5, 300);
    assert.ok(bytes < 300 * MIB, `${bytes >> 20} MiB more`);
    await new Promise((resolve) => setTimeout(resolve, STALL_MS + 1500));
    assert.ok(hostiles.every(({ socket }) => socket.bytesWritten > 0));
    await test.produceHealthily();
    for (const hostile of hostiles) hostile.socket.destroy();
    const { hostiles: others } = await unread(frameOf(ApiVersions, 0, 7, {}), 5, 2000);
    for (const hostile of others) hostile.socket.destroy();
    await test.produceHealthily();
  });

  it('B-7: a client that closes its half and still reads gets its answers', async () => {
    const test = running();
    const hostile = await test.open();
    hostile.write(fetchOf());
    hostile.socket.end(frameOf(ApiVersions, 0, 8, {}));
    await hostile.until(() => hostile.isClosed);
    await test.produceHealthily();
  });
});
