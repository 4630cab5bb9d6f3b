/** The admin calls against the broker itself, embedded on a directory of its own. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDirectoryTransport } from '../../src/cli/directory-transport.ts';
import { realEnv } from '../../src/cli/real-env.ts';
import {
  type AdminCall,
  alterTopicConfigs,
  createPartitions,
  createTopic,
  deleteTopic,
  describeCluster,
  describeTopicConfigs,
  describeTopics,
  listTopics,
} from '../../src/client/admin.ts';
import { ConnectionLost } from '../../src/client/client-error.ts';
import { consume } from '../../src/client/consumer.ts';
import { produceLines } from '../../src/client/line-producer.ts';
import type { Transport } from '../../src/client/transport.ts';

describe('admin', () => {
  const directory = mkdtempSync(join(tmpdir(), 'streamctl-admin-'));
  const env = realEnv({ quiet: true });
  let admin: AdminCall;

  before(async () => {
    const transport = await openDirectoryTransport(env, {
      directory: join(directory, 'd'),
      command: 'test',
      timeoutMs: 10_000,
      createDirectory: true,
      note: () => undefined,
    });
    admin = { env, transport, timeoutMs: 10_000 };
  });

  after(async () => {
    await admin.transport.close();
    rmSync(directory, { recursive: true });
  });

  function newTopic(name: string, partitions = 1, configs: [string, string][] = []) {
    return { name, partitions, replicationFactor: -1, configs: new Map(configs) };
  }

  /** The transport, whose next request takes effect and loses its answer. */
  function losingOneAnswer(): AdminCall {
    let loses = true;
    const { transport } = admin;
    const losing: Transport = {
      request: async (nodeId, api, version, message, timeoutMs) => {
        const reply = await transport.request(nodeId, api, version, message, timeoutMs);
        if (!loses) return reply;
        loses = false;
        reply.release();
        throw new ConnectionLost('the answer is lost');
      },
      versions: (nodeId) => transport.versions(nodeId),
      close: () => transport.close(),
    };
    return { ...admin, transport: losing };
  }

  it('does not take a topic of somebody else for its own where nothing was sent before', async () => {
    await createTopic(admin, newTopic('of-others'));
    let loses = true;
    const { transport } = admin;
    const losing: Transport = {
      request: (nodeId, api, version, message, timeoutMs) =>
        transport.request(nodeId, api, version, message, timeoutMs),
      versions: async (nodeId) => {
        if (!loses) return await transport.versions(nodeId);
        loses = false;
        throw new ConnectionLost('nobody has told any versions');
      },
      close: () => transport.close(),
    };
    await assert.rejects(createTopic({ ...admin, transport: losing }, newTopic('of-others')), { kind: 'conflict' });
  });

  it('knows a topic that it made or deleted itself, though the answer was lost', async () => {
    assert.equal((await createTopic(losingOneAnswer(), newTopic('unheard', 2))).partitions.length, 2);
    await assert.rejects(createTopic(admin, newTopic('unheard', 2)), { kind: 'conflict' });
    await deleteTopic(losingOneAnswer(), 'unheard');
    await assert.rejects(deleteTopic(admin, 'unheard'), { kind: 'not-found' });
  });

  it('creates a topic with its leaders, and tells what it is', async () => {
    const created = await createTopic(admin, newTopic('made', 3, [['segment.ms', '3600000']]));
    assert.deepEqual(
      created.partitions.map(({ partition, leader }) => [partition, leader]),
      [
        [0, 1],
        [1, 1],
        [2, 1],
      ],
    );
    assert.deepEqual(await describeTopics(admin, ['made']), [created]);
    assert.deepEqual(
      (await listTopics(admin)).find(({ name }) => name === 'made'),
      created,
    );
  });

  it('says conflict, usage and not-found apart', async () => {
    await createTopic(admin, newTopic('twice'));
    await assert.rejects(createTopic(admin, newTopic('twice')), { kind: 'conflict' });
    await assert.rejects(createTopic(admin, newTopic('no/slash')), { kind: 'usage' });
    await assert.rejects(createTopic(admin, newTopic('none', 0)), { kind: 'usage' });
    await assert.rejects(createTopic(admin, newTopic('odd', 1, [['no.such.config', '1']])), { kind: 'usage' });
    await assert.rejects(deleteTopic(admin, 'absent'), { kind: 'not-found' });
    await assert.rejects(describeTopics(admin, ['twice', 'absent']), { kind: 'not-found', message: /'absent'/ });
    await assert.rejects(describeTopicConfigs(admin, 'absent'), { kind: 'not-found' });
  });

  it('deletes a topic', async () => {
    await createTopic(admin, newTopic('gone'));
    await deleteTopic(admin, 'gone');
    assert.equal(
      (await listTopics(admin)).some(({ name }) => name === 'gone'),
      false,
    );
  });

  it('changes configs one by one', async () => {
    await createTopic(admin, newTopic('configured', 1, [['max.message.bytes', '2000']]));
    const configOf = async (config: string) => {
      const configs = await describeTopicConfigs(admin, 'configured');
      return configs.find(({ name }) => name === config);
    };
    assert.equal((await configOf('max.message.bytes'))?.value, '2000');
    assert.equal((await configOf('max.message.bytes'))?.isDefault, false);
    await alterTopicConfigs(admin, 'configured', new Map([['segment.bytes', '5000000']]));
    assert.equal((await configOf('segment.bytes'))?.value, '5000000');
    assert.equal((await configOf('max.message.bytes'))?.value, '2000');
    await alterTopicConfigs(admin, 'configured', new Map([['max.message.bytes', null]]));
    assert.equal((await configOf('max.message.bytes'))?.isDefault, true);
    await assert.rejects(alterTopicConfigs(admin, 'configured', new Map([['segment.bytes', 'x']])), { kind: 'usage' });
  });

  it('tells which configs the broker only keeps', async () => {
    await createTopic(admin, newTopic('kept', 1, [['preallocate', 'true']]));
    const configs = new Map((await describeTopicConfigs(admin, 'kept')).map((config) => [config.name, config]));
    assert.deepEqual([configs.get('preallocate')?.value, configs.get('preallocate')?.effect], ['true', false]);
    assert.equal(configs.get('segment.bytes')?.effect, true);
  });

  it('adds partitions', async () => {
    await createTopic(admin, newTopic('grown'));
    await createPartitions(admin, 'grown', 4);
    const [grown] = await describeTopics(admin, ['grown']);
    assert.equal(grown?.partitions.length, 4);
    await assert.rejects(createPartitions(admin, 'grown', 2), { kind: 'usage' });
  });

  it('describes the cluster', async () => {
    const { clusterId, controllerId, brokers } = await describeCluster(admin);
    assert.match(clusterId, /^[\w-]{22}$/);
    assert.equal(controllerId, 1);
    assert.deepEqual(
      brokers.map(({ id }) => id),
      [1],
    );
  });

  it('what is produced comes out again, packed or not, over several partitions', async () => {
    await createTopic(admin, newTopic('lines', 3));
    const text = Array.from({ length: 20_000 }, (_, index) => `${index % 50}:line ${index}\n`).join('');
    for (const codec of ['none', 'gzip', 'snappy', 'lz4'] as const) {
      const bytes = Buffer.from(text);
      let position = 0;
      const input = {
        name: 'test',
        read: (target: Uint8Array) => {
          const count = bytes.copy(target, 0, position);
          position += count;
          return Promise.resolve(count);
        },
      };
      const summary = await produceLines(
        env,
        admin.transport,
        {
          topic: 'lines',
          delimiter: Buffer.from('\n'),
          keyDelimiter: Buffer.from(':'),
          codec,
          acks: -1,
          timeoutMs: 10_000,
        },
        [input],
      );
      assert.equal(summary.bytes, bytes.length);
    }
    const chunks: Buffer[] = [];
    await consume(
      env,
      admin.transport,
      {
        topics: ['lines'],
        start: { kind: 'earliest' },
        exitAtEnd: true,
        isolation: 'read_committed',
        delimiter: Buffer.from('\n'),
        timeoutMs: 10_000,
      },
      { write: (bytes) => Promise.resolve(void chunks.push(Buffer.from(bytes))) },
    );
    const lines = Buffer.concat(chunks).toString().split('\n').slice(0, -1);
    const numbers = lines.map((line) => Number(line.slice(5))).sort((left, right) => left - right);
    assert.deepEqual(
      numbers,
      Array.from({ length: 80_000 }, (_, index) => Math.floor(index / 4)),
    );
  });
});
