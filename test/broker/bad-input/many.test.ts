/** B-2, B-10: a few bytes that ask for much, two hundred thousand times over. Others go on meanwhile, and the answer has an end. */
import assert from 'node:assert/strict';
import * as apis from '../../../src/protocol/apis/index.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import { frameOf } from '../fake-socket.ts';
import { hostileTest, TOPIC } from './hostile.ts';

const COUNT = 60_000;
/** Of one turn, in a machine that does other things too; a list that was walked in one go, or for each of its items, took 3 s and more. */
const HEALTHY_MS_MAX = 1500;
const ANSWER_MS_MAX = 30_000;
const MEMORY_BYTES_MAX = 400 << 20;

function times<T>(make: (index: number) => T, count = COUNT): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const partition = { partition: 0, fetchOffset: 0n, partitionMaxBytes: 100 };
const one = { numPartitions: 1, replicationFactor: 1 };
const configs = { resourceType: 2, resourceName: TOPIC, configurationKeys: null };

const REQUESTS: Readonly<Record<string, () => Buffer>> = {
  'Produce of partitions': () =>
    frameOf(apis.Produce, 9, 7, {
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: TOPIC, partitionData: times(() => ({ index: 0, records: [] })) }],
    }),
  'Fetch of partitions that are none': () =>
    frameOf(apis.Fetch, 12, 7, {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [{ topic: 'none', partitions: times(() => partition) }],
    }),
  'ListOffsets of topics': () =>
    frameOf(apis.ListOffsets, 7, 7, {
      replicaId: -1,
      topics: times(() => ({ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp: 5n }] })),
    }),
  'Metadata of names': () =>
    frameOf(apis.Metadata, 9, 7, { topics: times((index) => ({ name: `n${index}` })), allowAutoTopicCreation: true }),
  'CreateTopics of names that are none': () =>
    frameOf(apis.CreateTopics, 7, 7, { topics: times((index) => ({ name: `n/${index}`, ...one })) }),
  'CreateTopics, to be checked only': () =>
    frameOf(apis.CreateTopics, 7, 7, {
      topics: times((index) => ({ name: `n.${index}`, ...one })),
      validateOnly: true,
    }),
  'DeleteTopics of names': () =>
    frameOf(apis.DeleteTopics, 5, 7, { topicNames: times((index) => `n${index}`), timeoutMs: 1000 }),
  'DeleteRecords of a partition': () =>
    frameOf(apis.DeleteRecords, 2, 7, {
      topics: [{ name: 'none', partitions: times(() => ({ partitionIndex: 0, offset: 1n })) }],
      timeoutMs: 1000,
    }),
  'CreatePartitions of names': () =>
    frameOf(apis.CreatePartitions, 3, 7, {
      topics: times((index) => ({ name: `n${index}`, count: 5, assignments: null })),
      timeoutMs: 1000,
    }),
  'DescribeConfigs of a topic': () => frameOf(apis.DescribeConfigs, 4, 7, { resources: times(() => configs) }),
  'DescribeConfigs of a broker with all that is said of them': () =>
    frameOf(apis.DescribeConfigs, 4, 7, {
      resources: times(() => ({ resourceType: 4, resourceName: '1', configurationKeys: null })),
      includeSynonyms: true,
      includeDocumentation: true,
    }),
  'IncrementalAlterConfigs of topics': () =>
    frameOf(apis.IncrementalAlterConfigs, 1, 7, {
      resources: times((index) => ({ resourceType: 2, resourceName: `n${index}`, configs: [] })),
    }),
  'DescribeProducers of a partition': () =>
    frameOf(apis.DescribeProducers, 0, 7, { topics: [{ name: TOPIC, partitionIndexes: times(() => 0) }] }),
  'DescribeGroups of groups': () => frameOf(apis.DescribeGroups, 5, 7, { groups: times((index) => `g${index}`) }),
  'DeleteGroups of groups': () => frameOf(apis.DeleteGroups, 2, 7, { groupsNames: times((index) => `g${index}`) }),
  'OffsetFetch of groups': () =>
    frameOf(apis.OffsetFetch, 8, 7, { groups: times((index) => ({ groupId: `g${index}`, topics: null })) }),
  'DescribeTopicPartitions of names': () =>
    frameOf(apis.DescribeTopicPartitions, 0, 7, {
      topics: times((index) => ({ name: `n${index}` })),
      responsePartitionLimit: 0x7fffffff,
    }),
};

describe('bad input: many', () => {
  const running = hostileTest();

  for (const [name, make] of Object.entries(REQUESTS)) {
    it(`B-10: ${COUNT} times ${name}`, async () => {
      const test = running();
      const frame = make();
      const before = await test.state();
      const { rss } = process.memoryUsage();
      const hostile = await test.open();
      hostile.write(frame);
      const answered = hostile.until(() => hostile.frames.length > 0 || hostile.isClosed, ANSWER_MS_MAX);
      let isOver = false;
      answered.then(
        () => {
          isOver = true;
        },
        () => undefined,
      );
      let slowestMs = 0;
      while (!isOver) {
        const beganMs = performance.now();
        await test.state();
        slowestMs = Math.max(slowestMs, performance.now() - beganMs);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      assert.ok(await answered);
      hostile.socket.destroy();
      assert.ok(slowestMs < HEALTHY_MS_MAX, `${Math.round(slowestMs)} ms`);
      const grown = process.memoryUsage().rss - rss;
      assert.ok(grown < MEMORY_BYTES_MAX, `${grown >> 20} MiB`);
      assert.equal(await test.state(), before);
    });
  }

  it('B-10: one request describes a bounded number of configs, and says of the others to ask again', async () => {
    const test = running();
    const hostile = await test.open();
    hostile.write(frameOf(apis.DescribeConfigs, 4, 7, { resources: times(() => configs, 20_000) }));
    assert.ok(await hostile.until(() => hostile.frames.length > 0, ANSWER_MS_MAX));
    const outcome = { answers: hostile.frames, ending: 'serves' } as const;
    hostile.socket.destroy();
    const codes = test.answer(apis.DescribeConfigs, 4, outcome).results.map(({ errorCode }) => errorName(errorCode));
    const described = codes.indexOf('INVALID_REQUEST');
    assert.ok(described > 5000, `${described}`);
    assert.deepEqual([...new Set(codes.slice(0, described))], ['NONE']);
    assert.deepEqual([...new Set(codes.slice(described))], ['INVALID_REQUEST']);
  });

  it('B-2: a member of a group has at most 1 MiB of metadata, as it is kept', async () => {
    const test = running();
    const join = (byteCount: number): Buffer =>
      frameOf(apis.JoinGroup, 3, 7, {
        groupId: 'g',
        sessionTimeoutMs: 6000,
        rebalanceTimeoutMs: 6000,
        memberId: '',
        protocolType: 'consumer',
        protocols: [{ name: 'range', metadata: Buffer.alloc(byteCount) }],
      });
    const refused = test.answer(apis.JoinGroup, 3, await test.unmoved(() => test.attack(join((1 << 20) + 1))));
    assert.equal(errorName(refused.errorCode), 'INVALID_REQUEST');
    const other = test.answer(apis.JoinGroup, 3, await test.attack(join(1 << 20), 10_000));
    assert.notEqual(errorName(other.errorCode), 'INVALID_REQUEST');
  });
});
