/**
 * A member of a classic group by kafkajs, for groups-mixed.client.ts: BOOTSTRAP GROUP TOPIC SESSION_MS. It commits what it wrote before it
 * hears whether the group rebalances. Its lines are those of group-members.ts.
 */
import { AssignerProtocol, Kafka, logLevel, type PartitionAssigner } from 'kafkajs';

const [bootstrap = '', groupId = '', topic = '', sessionMs = ''] = process.argv.slice(2);
const CHUNK_RECORDS = 200;

/** Kafka's own `range`: kafkajs has none, and members agree only on a name that all of them offer. */
const range: PartitionAssigner = ({ cluster }) => ({
  name: 'range',
  version: 0,
  protocol: ({ topics }) => ({
    name: 'range',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
  }),
  assign: async ({ members, topics }) => {
    const memberIds = members.map(({ memberId }) => memberId).sort();
    const given = new Map(memberIds.map((memberId) => [memberId, {} as Record<string, number[]>]));
    for (const name of topics) {
      const partitions = cluster.findTopicPartitionMetadata(name).map(({ partitionId }) => partitionId);
      partitions.sort((left, right) => left - right);
      const least = Math.floor(partitions.length / memberIds.length);
      const withOneMore = partitions.length % memberIds.length;
      for (const [at, memberId] of memberIds.entries()) {
        const from = at * least + Math.min(at, withOneMore);
        const count = least + (at < withOneMore ? 1 : 0);
        Object.assign(given.get(memberId) ?? {}, { [name]: partitions.slice(from, from + count) });
      }
    }
    return memberIds.map((memberId) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: 0,
        assignment: given.get(memberId) ?? {},
        userData: Buffer.alloc(0),
      }),
    }));
  },
});

const kafka = new Kafka({ clientId: 'kafkajs-member', brokers: [bootstrap], logLevel: logLevel.NOTHING });
const consumer = kafka.consumer({
  groupId,
  sessionTimeout: Number(sessionMs),
  heartbeatInterval: 500,
  maxWaitTimeInMs: 500,
  partitionAssigners: [range],
});
let owned: readonly number[] = [];

function say(kind: 'A' | 'X', partitions: readonly number[]): void {
  process.stdout.write(partitions.map((partition) => `${kind} ${Date.now()} ${partition}\n`).join(''));
}

function letGo(): void {
  say('X', owned);
  owned = [];
}

consumer.on(consumer.events.REBALANCING, letGo);
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  letGo();
  owned = payload.memberAssignment[topic] ?? [];
  say('A', owned);
});
consumer.on(consumer.events.CRASH, ({ payload }) => process.stderr.write(`${payload.error.stack}\n`));
process.once('SIGTERM', async () => {
  await consumer.stop();
  letGo();
  await consumer.disconnect();
  // kafkajs that met an error as it was stopped starts again by itself a moment later, and would be a member for ever.
  process.exit(0);
});

await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  eachBatch: async ({ batch, resolveOffset, heartbeat, isRunning, isStale }) => {
    const { partition, messages } = batch;
    for (let from = 0; from < messages.length && isRunning() && !isStale(); from += CHUNK_RECORDS) {
      const chunk = messages.slice(from, from + CHUNK_RECORDS);
      const last = chunk.at(-1)?.offset ?? '';
      process.stdout.write(chunk.map(({ offset }) => `R ${partition} ${offset}\n`).join(''));
      const next = `${BigInt(last) + 1n}`;
      await consumer.commitOffsets([{ topic, partition, offset: next }]);
      process.stdout.write(`C ${partition} ${next}\n`);
      resolveOffset(last);
      await heartbeat();
    }
  },
});
