/** Bytes that no proper client sends, against a whole broker: it refuses or answers, and keeps nothing of them. */
import assert from 'node:assert/strict';
import { brokerSettings, EffectiveSettings } from '../../src/broker/broker-settings.ts';
import { Connection } from '../../src/broker/connection.ts';
import { connectionLimits } from '../../src/broker/connection-limits.ts';
import { UnsentAnswers } from '../../src/broker/unsent-answers.ts';
import { ByteBudget } from '../../src/kernel/byte-budget.ts';
import { SlabPool } from '../../src/kernel/slab-pool.ts';
import {
  ApiVersions,
  CreateTopics,
  DescribeConfigs,
  Fetch,
  IncrementalAlterConfigs,
  ListOffsets,
  Metadata,
  Produce,
} from '../../src/protocol/apis/index.ts';
import { batchOf, NO_PRODUCER } from '../helpers/raw-producer.ts';
import { Prng } from '../sim/prng.ts';
import { type BrokerUnderTest, withBroker } from './broker-in-world.ts';
import { FakeSocket, frameOf } from './fake-socket.ts';

const ROUNDS = 1500;

function seeds(test: BrokerUnderTest): Buffer[] {
  const records = [batchOf([Buffer.from('value')], NO_PRODUCER, -1, test.env.clock.wallMs())];
  const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }];
  return [
    frameOf(ApiVersions, 3, 1, { clientSoftwareName: 'a', clientSoftwareVersion: '1' }),
    frameOf(Metadata, 9, 1, { topics: [{ name: 't' }], allowAutoTopicCreation: false }),
    frameOf(Produce, 9, 1, {
      acks: -1,
      timeoutMs: 10,
      topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
    }),
    frameOf(Produce, 3, 1, {
      acks: 1,
      timeoutMs: 10,
      topicData: [{ name: 't', partitionData: [{ index: 0, records }] }],
    }),
    frameOf(Fetch, 12, 1, { maxWaitMs: 1, minBytes: 1, topics: [{ topic: 't', partitions }] }),
    frameOf(Fetch, 4, 1, { maxWaitMs: 1, minBytes: 1, topics: [{ topic: 't', partitions }] }),
    frameOf(ListOffsets, 7, 1, {
      replicaId: -1,
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
    }),
    frameOf(CreateTopics, 5, 1, {
      topics: [{ name: 't', numPartitions: 1, replicationFactor: 1 }],
      validateOnly: true,
    }),
    frameOf(DescribeConfigs, 4, 1, { resources: [{ resourceType: 2, resourceName: 't', configurationKeys: null }] }),
    frameOf(IncrementalAlterConfigs, 1, 1, {
      resources: [
        { resourceType: 2, resourceName: 't', configs: [{ name: 'flush.ms', configOperation: 0, value: '1' }] },
      ],
      validateOnly: true,
    }),
  ];
}

/** A frame with a few bytes changed, cut, doubled or with a length that lies; its own length is set right again mostly. */
function mutated(frame: Buffer, prng: Prng): Buffer {
  let bytes = Buffer.from(frame);
  for (let times = 1 + below(prng, 3); times > 0; times -= 1) {
    const position = 4 + below(prng, bytes.length - 4);
    switch (below(prng, 4)) {
      case 0:
        bytes[position] = below(prng, 256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, position), bytes.subarray(position + below(prng, 8))]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, position), bytes.subarray(Math.max(4, position - below(prng, 8)))]);
        break;
      default:
        if (position + 4 <= bytes.length)
          bytes.writeInt32BE([-1, 0x7fffffff, -0x80000000][below(prng, 3)] ?? 0, position);
    }
    if (bytes.length < 12) bytes = Buffer.concat([bytes, Buffer.alloc(12)]);
  }
  if (below(prng, 10) > 0) bytes.writeInt32BE(bytes.length - 4, 0);
  return bytes;
}

/** Uniform in [0, bound). */
function below(prng: Prng, bound: number): number {
  return prng.between(0, bound - 1);
}

describe('hostile frames', () => {
  it('are refused or answered, and leave no memory taken and no work undone', function () {
    this.timeout(60_000);
    return withBroker(async (test) => {
      await test.createTopic('t');
      const settings = brokerSettings({ assignments: ['socket.request.max.bytes=1048576'] });
      const limits = connectionLimits(new EffectiveSettings(settings, () => new Map(), 1));
      const prng = new Prng(11);
      const frames = seeds(test);
      const budget = new ByteBudget(64 << 20);
      const pool = new SlabPool();
      for (let round = 0; round < ROUNDS; round += 1) {
        const socket = new FakeSocket();
        const connection = new Connection({
          socket,
          listener: 'tcp',
          principal: 'User:test',
          connectionId: round,
          clock: test.env.clock,
          pool,
          budget,
          unsent: new UnsentAnswers(test.env.clock),
          limits: () => limits,
          handle: (route, version, message, context) => test.broker.handle(route.api, version, message, context),
          onRefused: () => undefined,
          onFault: (what, error) => assert.fail(`${what}: ${String(error)}`),
          onClosed: () => undefined,
        });
        connection.start();
        const frame = frames[below(prng, frames.length)];
        if (frame !== undefined) socket.receive(mutated(frame, prng));
        await test.env.clock.sleep(20);
        connection.destroy();
        await test.env.clock.sleep(5);
        assert.equal(budget.usedBytes, 0, `round ${round}`);
        assert.equal(pool.outstandingCount, 0, `round ${round}`);
      }
      assert.equal((await test.produce('t', ['still here'])).error, 'NONE');
    });
  });
});
