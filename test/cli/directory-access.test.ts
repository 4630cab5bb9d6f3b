import assert from 'node:assert/strict';
import type { DirectoryTransport } from '../../src/cli/directory-transport.ts';
import { readOwnerRecord } from '../../src/cluster/owner-record.ts';
import type { Env } from '../../src/kernel/env.ts';
import { FindCoordinator, ListGroups, OffsetCommit, OffsetFetch } from '../../src/protocol/apis/index.ts';
import { ZERO_UUID } from '../../src/protocol/schema.ts';
import { DIRECTORY, inWorld } from '../cluster/in-world.ts';
import { type Loaded, loadModules } from './loaded-modules.ts';

/** The system says EACCES to one user and EROFS to all; both count alike. */
const DENIED = { kind: 'error', code: 'EROFS' } as const;
const READING: ReadonlySet<string> = new Set(['open', 'openToRead', 'read', 'readFile', 'list', 'stat']);

let loaded: Loaded;

function open(env: Env, createDirectory = true): Promise<DirectoryTransport> {
  const options = { directory: DIRECTORY, command: 'test', timeoutMs: 30_000, createDirectory, note: () => undefined };
  return loaded.openDirectoryTransport(env, options);
}

async function topicNames(env: Env, transport: DirectoryTransport): Promise<string[]> {
  return (await loaded.listTopics({ env, transport, timeoutMs: 30_000 })).map(({ name }) => name);
}

async function make(env: Env, transport: DirectoryTransport, name: string): Promise<void> {
  const topic = { name, partitions: 1, replicationFactor: -1, configs: new Map() };
  await loaded.createTopic({ env, transport, timeoutMs: 30_000 }, topic);
}

async function notAllowed(promise: Promise<unknown>): Promise<Error> {
  let seen: unknown;
  await promise.catch((error: unknown) => {
    seen = error;
  });
  assert.ok(seen instanceof loaded.ClientError, String(seen));
  assert.equal(seen.kind, 'authorization', seen.message);
  return seen;
}

async function findGroup(transport: DirectoryTransport): Promise<number | undefined> {
  const message = { key: '', keyType: 0, coordinatorKeys: ['g'] };
  const { message: found } = await transport.request(1, FindCoordinator, 4, message, 5000);
  return found.coordinators[0]?.errorCode;
}

async function commit(transport: DirectoryTransport, offset: number): Promise<number | undefined> {
  const partition = { partitionIndex: 0, committedOffset: BigInt(offset), committedLeaderEpoch: -1 };
  const topic = { name: 't', topicId: ZERO_UUID, partitions: [{ ...partition, committedMetadata: '' }] };
  const who = { generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null, retentionTimeMs: -1n };
  const reply = await transport.request(1, OffsetCommit, 8, { groupId: 'g', ...who, topics: [topic] }, 5000);
  return reply.message.topics[0]?.partitions[0]?.errorCode;
}

async function committed(transport: DirectoryTransport): Promise<bigint | undefined> {
  const topics = [{ name: 't', topicId: ZERO_UUID, partitionIndexes: [0] }];
  const groups = [{ groupId: 'g', memberId: null, memberEpoch: -1, topics }];
  const message = { groupId: '', topics: [], groups, requireStable: false };
  const reply = await transport.request(1, OffsetFetch, 8, message, 5000);
  return reply.message.groups[0]?.topics[0]?.partitions[0]?.committedOffset;
}

describe('cli: a directory in which this user may not do everything', () => {
  before(async () => {
    loaded = await loadModules();
  });

  it('that may only be read is read without a trace, and not written', () =>
    inWorld(8, async (env, machine) => {
      const writer = await open(env);
      await make(env, writer, 't');
      await writer.close();
      const before = machine.files.files(DIRECTORY).map(({ path, inode }) => `${path} ${inode.number}`);
      machine.hardware.faults = (call) => (READING.has(call) ? undefined : DENIED);
      const reader = await open(env, false);
      assert.deepEqual(await topicNames(env, reader), ['t']);
      await notAllowed(make(env, reader, 'u'));
      await reader.close();
      machine.hardware.faults = () => undefined;
      assert.deepEqual(
        machine.files.files(DIRECTORY).map(({ path, inode }) => `${path} ${inode.number}`),
        before,
      );
    }));

  it('that may only be read shows what groups committed there, and takes no commit', () =>
    inWorld(13, async (env, machine) => {
      const writer = await open(env);
      await make(env, writer, 't');
      assert.equal(await findGroup(writer), 0);
      assert.equal(await commit(writer, 5), 0);
      await writer.close();
      const before = machine.files.files(DIRECTORY).map(({ path, inode }) => `${path} ${inode.number}`);
      machine.hardware.faults = (call) => (READING.has(call) ? undefined : DENIED);
      const reader = await open(env, false);
      assert.equal(await findGroup(reader), 0);
      assert.equal(await committed(reader), 5n);
      const listed = await reader.request(1, ListGroups, 4, { statesFilter: [], typesFilter: [] }, 5000);
      assert.deepEqual(
        listed.message.groups.map(({ groupId }) => groupId),
        ['g'],
      );
      await notAllowed(commit(reader, 6));
      await reader.close();
      machine.hardware.faults = () => undefined;
      assert.deepEqual(
        machine.files.files(DIRECTORY).map(({ path, inode }) => `${path} ${inode.number}`),
        before,
      );
    }));

  it('on a disk without any room is read, and says what it wants room for', () =>
    inWorld(14, async (env, machine) => {
      const writer = await open(env);
      await make(env, writer, 't');
      await writer.close();
      for (const [code, calls] of [
        ['ENOSPC', ['mkdir', 'open', 'write']],
        ['EDQUOT', ['mkdir', 'open', 'write']],
        ['ENOSPC', ['rename']],
      ] as const) {
        const full: ReadonlySet<string> = new Set(calls);
        machine.hardware.faults = (call) => (full.has(call) ? { kind: 'error', code } : undefined);
        const reader = await open(env, false);
        assert.deepEqual(await topicNames(env, reader), ['t']);
        const error = await make(env, reader, 'u').catch((thrown: unknown) => thrown);
        assert.ok(error instanceof loaded.ClientError && error.kind === 'refused', String(error));
        await reader.close();
        machine.hardware.faults = () => undefined;
      }
      const nowhere = { directory: '/other', command: 'test', timeoutMs: 30_000, note: () => undefined };
      machine.hardware.faults = (call) => (call === 'mkdir' ? { kind: 'error', code: 'ENOSPC' } : undefined);
      await assert.rejects(loaded.openDirectoryTransport(env, { ...nowhere, createDirectory: true }), {
        code: 'ENOSPC',
      });
      machine.hardware.faults = () => undefined;
    }));

  it('that takes writes again is no longer read as it was', () =>
    inWorld(15, async (env, machine) => {
      const writer = await open(env);
      await make(env, writer, 't');
      await writer.close();
      machine.hardware.faults = (call) => (READING.has(call) ? undefined : DENIED);
      const follower = await open(env, false);
      assert.deepEqual(await topicNames(env, follower), ['t']);
      await env.clock.sleep(20_000);
      await notAllowed(make(env, follower, 'u'));
      machine.hardware.faults = () => undefined;
      machine.spawn('other', async (program) => {
        const transport = await open(program.env);
        await make(program.env, transport, 'u');
        await transport.close();
        return 0;
      });
      await env.clock.sleep(6000);
      assert.deepEqual(await topicNames(env, follower), ['t', 'u']);
      await make(env, follower, 'v');
      await follower.close();
    }));

  it('one file of the owner, unreadable in a copy, is no hindrance to read the rest', () =>
    inWorld(9, async (env, machine) => {
      const writer = await open(env);
      await make(env, writer, 't');
      await writer.close();
      machine.hardware.faults = (call, path) =>
        READING.has(call) && !path.endsWith('owner.json') ? undefined : DENIED;
      const reader = await open(env);
      assert.deepEqual(await topicNames(env, reader), ['t']);
      await reader.close();
    }));

  it('a file without which nothing can be read ends the command, and says so', () =>
    inWorld(10, async (env, machine) => {
      await (await open(env)).close();
      for (const name of ['cluster.json', '00000000000000000001.json']) {
        machine.hardware.faults = (_, path) => (path.endsWith(name) ? DENIED : undefined);
        const error = await notAllowed(open(env));
        assert.match(error.message, /may not be read/);
      }
    }));

  it('a broker that cannot start over its files is no directory that may only be read', () =>
    inWorld(11, async (env, machine) => {
      const writer = await open(env);
      await make(env, writer, 't');
      await writer.close();
      machine.hardware.faults = (_, path) => (path.endsWith('/meta.properties') ? DENIED : undefined);
      await assert.rejects(open(env), { code: 'EROFS' });
      machine.hardware.faults = () => undefined;
      assert.equal((await readOwnerRecord(env, DIRECTORY, 1))?.released, true, 'the place is free again');
    }));

  it('a cluster that may not be made is not one that is not there', () =>
    inWorld(12, async (env, machine) => {
      machine.hardware.faults = (call) => (call === 'mkdir' ? DENIED : undefined);
      const error = await notAllowed(open(env));
      assert.match(error.message, /may not be made/);
    }));
});
