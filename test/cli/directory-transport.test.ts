import assert from 'node:assert/strict';
import type { DirectoryOptions, DirectoryTransport } from '../../src/cli/directory-transport.ts';
import type { ClientErrorKind } from '../../src/client/client-error.ts';
import { ANY_NODE, type Lane } from '../../src/client/transport.ts';
import { readOwnerRecord } from '../../src/cluster/owner-record.ts';
import type { Env } from '../../src/kernel/env.ts';
import { Fetch } from '../../src/protocol/apis/01-fetch.ts';
import { Metadata } from '../../src/protocol/apis/03-metadata.ts';
import { DIRECTORY, inWorld, runToEnd } from '../cluster/in-world.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';
import { type Loaded, loadModules } from './loaded-modules.ts';

let loaded: Loaded;

function options(more: Partial<DirectoryOptions> = {}): DirectoryOptions {
  return {
    directory: DIRECTORY,
    command: 'test',
    timeoutMs: 30_000,
    createDirectory: true,
    note: () => undefined,
    ...more,
  };
}

function open(env: Env, more: Partial<DirectoryOptions> = {}): Promise<DirectoryTransport> {
  return loaded.openDirectoryTransport(env, options(more));
}

async function topicNames(env: Env, transport: DirectoryTransport): Promise<string[]> {
  return (await loaded.listTopics({ env, transport, timeoutMs: 30_000 })).map(({ name }) => name);
}

async function make(env: Env, transport: DirectoryTransport, name: string): Promise<void> {
  const topic = { name, partitions: 1, replicationFactor: -1, configs: new Map() };
  await loaded.createTopic({ env, transport, timeoutMs: 30_000 }, topic);
}

async function ownerPid(env: Env): Promise<number | undefined> {
  const owner = await readOwnerRecord(env, DIRECTORY, 1);
  return owner === undefined || owner.released ? undefined : owner.process.pid;
}

async function rejectsWithKind(kind: ClientErrorKind, promise: Promise<unknown>): Promise<Error> {
  let seen: unknown;
  await promise.catch((error: unknown) => {
    seen = error;
  });
  assert.ok(seen instanceof loaded.ClientError, String(seen));
  assert.equal(seen.kind, kind, seen.message);
  return seen;
}

/** A fetch that waits for records that never come. */
function longFetch(
  transport: DirectoryTransport,
  topicId: string,
  timeoutMs = 30_000,
  lane: Lane = 'data',
): Promise<unknown> {
  const partition = {
    partition: 0,
    currentLeaderEpoch: -1,
    fetchOffset: 0n,
    lastFetchedEpoch: -1,
    logStartOffset: -1n,
  };
  return transport.request(
    1,
    Fetch,
    13,
    {
      clusterId: null,
      replicaId: -1,
      replicaState: { replicaId: -1, replicaEpoch: -1n },
      maxWaitMs: 20_000,
      minBytes: 1,
      maxBytes: 1 << 20,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [
        {
          topic: '',
          topicId,
          partitions: [
            {
              ...partition,
              partitionMaxBytes: 1 << 20,
              replicaDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA',
              highWatermark: 0n,
            },
          ],
        },
      ],
      forgottenTopicsData: [],
      rackId: '',
    } as never,
    timeoutMs,
    lane,
  );
}

describe('cli: directory transport', () => {
  before(async () => {
    loaded = await loadModules();
  });

  it('the first one in is the broker, the second one its client, and after both the place is free', () =>
    inWorld(1, async (env, machine) => {
      const first = await open(env);
      await make(env, first, 't');
      assert.equal(await ownerPid(env), env.proc.facts().pid);
      let done = false;
      machine.spawn('second', async (program) => {
        const second = await open(program.env);
        assert.deepEqual(await topicNames(program.env, second), ['t']);
        await make(program.env, second, 'u');
        await second.close();
        done = true;
        return 0;
      });
      await env.clock.sleep(3000);
      assert.equal(done, true);
      assert.deepEqual(await topicNames(env, first), ['t', 'u']);
      await first.close();
      assert.equal(await ownerPid(env), undefined);
      const again = await open(env);
      assert.deepEqual(await topicNames(env, again), ['t', 'u']);
      await again.close();
    }));

  it('where there is no cluster a command that makes none says so and makes none', () =>
    inWorld(2, async (env) => {
      await rejectsWithKind('not-found', open(env, { createDirectory: false }));
      assert.equal(await env.disk.stat(DIRECTORY), undefined);
    }));

  it('requests under way when the broker is killed are lost, the next ones find the one that comes after', async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const world = new World({ seed });
      const machine = new SimMachine(world, 'm');
      const broker = machine.spawn('broker', async ({ env }) => {
        await make(env, await open(env), 't');
        await env.clock.sleep(1_000_000);
        return 0;
      });
      await world.run(() => false, 1000);
      const owners = new Set<number | undefined>();
      for (const name of ['a', 'b', 'c']) {
        machine.spawn(name, async ({ env }) => {
          const transport = await open(env);
          const [topic] = await loaded.listTopics({ env, transport, timeoutMs: 30_000 });
          const killed = longFetch(transport, topic?.topicId ?? '');
          world.after(500, () => broker.process.kill('test'));
          await assert.rejects(killed, (error) => error instanceof loaded.ConnectionLost);
          const startMs = env.clock.monotonicMs();
          assert.deepEqual(await topicNames(env, transport), ['t']);
          assert.ok(env.clock.monotonicMs() - startMs < 1500, `seed ${seed}: ${env.clock.monotonicMs() - startMs} ms`);
          owners.add(await ownerPid(env));
          await env.clock.sleep(3000);
          await transport.close();
          return 0;
        });
      }
      await runToEnd(machine, 600_000);
      assert.equal(owners.size, 1, `seed ${seed}: one came after`);
    }
  });

  it('a request to the broker of this process is given up at its own time, too', () =>
    inWorld(14, async (env) => {
      const transport = await open(env);
      await make(env, transport, 't');
      const [topic] = await loaded.listTopics({ env, transport, timeoutMs: 30_000 });
      const startMs = env.clock.monotonicMs();
      const late = longFetch(transport, topic?.topicId ?? '', 1000);
      await assert.rejects(late, (error) => error instanceof loaded.ConnectionLost);
      assert.ok(env.clock.monotonicMs() - startMs < 1100);
      assert.deepEqual(await topicNames(env, transport), ['t']);
      await transport.close();
    }));

  it('a broker that is done hands over while its clients go on', () =>
    inWorld(3, async (env, machine) => {
      const first = await open(env);
      await make(env, first, 't');
      const counts = new Map<string, number>();
      for (const name of ['a', 'b', 'c']) {
        machine.spawn(name, async (program) => {
          const transport = await open(program.env);
          for (let turn = 0; turn < 40; turn++) {
            assert.ok((await topicNames(program.env, transport)).includes('t'));
            counts.set(name, turn + 1);
            await program.env.clock.sleep(100);
          }
          await transport.close();
          return 0;
        });
      }
      await env.clock.sleep(1000);
      await first.close();
      await env.clock.sleep(10_000);
      assert.deepEqual([...counts.values()], [40, 40, 40]);
      assert.equal(await ownerPid(env), undefined);
    }));

  it('a broker that is stopped is named after two seconds, and the wait ends at the timeout', () =>
    inWorld(4, async (env, machine) => {
      const owner = machine.spawn('owner', async (program) => {
        await open(program.env, { command: 'consume' });
        await program.env.clock.sleep(1_000_000);
        return 0;
      });
      await env.clock.sleep(2000);
      owner.process.pause();
      const notes: string[] = [];
      const startMs = env.clock.monotonicMs();
      const error = await rejectsWithKind('conflict', open(env, { timeoutMs: 9000, note: (text) => notes.push(text) }));
      const waitedMs = env.clock.monotonicMs() - startMs;
      assert.ok(waitedMs >= 9000 && waitedMs < 15_000, `${waitedMs} ms`);
      assert.equal(notes.length, 1);
      for (const text of [notes[0] ?? '', error.message]) {
        for (const part of [String(owner.process.pid), 'consume', 'stopped']) assert.ok(text.includes(part), text);
      }
      owner.process.kill('done');
    }));

  it('Ctrl-Z hands over first; continued, the process is a client of who came after', () =>
    inWorld(5, async (env, machine) => {
      const stopped = machine.spawn('stopped', async (program) => {
        const transport = await open(program.env);
        await make(program.env, transport, 't');
        await program.env.clock.sleep(30_000);
        assert.deepEqual(await topicNames(program.env, transport), ['t']);
        assert.notEqual(await ownerPid(program.env), program.process.pid);
        await transport.close();
        return 0;
      });
      await env.clock.sleep(3000);
      stopped.process.signal('SIGTSTP');
      await env.clock.sleep(1000);
      assert.equal(stopped.process.state, 'paused');
      const transport = await open(env);
      assert.deepEqual(await topicNames(env, transport), ['t']);
      assert.equal(await ownerPid(env), env.proc.facts().pid);
      stopped.process.resume();
      await env.clock.sleep(60_000);
      assert.equal(stopped.process.exitCode, 0);
      await transport.close();
    }));

  it('Ctrl-Z at any moment of its start never leaves a stopped broker', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      await inWorld(seed, async (env, machine) => {
        const stopped = machine.spawn('stopped', async (program) => {
          const transport = await open(program.env);
          await transport.close();
          return 0;
        });
        await env.clock.sleep(seed * 0.4);
        stopped.process.signal('SIGTSTP');
        await env.clock.sleep(2000);
        const transport = await open(env, { timeoutMs: 5000 });
        await make(env, transport, 't');
        stopped.process.resume();
        await env.clock.sleep(10_000);
        await transport.close();
        if (!stopped.process.isDead) await env.clock.sleep(30_000);
        assert.equal(stopped.process.exitCode, 0, `seed ${seed}`);
      });
    }
  });

  it('a long request in the lane of groups holds up no other one', () =>
    inWorld(3, async (env, machine) => {
      const first = await open(env);
      await make(env, first, 't');
      let done = false;
      machine.spawn('second', async (program) => {
        const second = await open(program.env);
        const topics = await loaded.listTopics({ env: program.env, transport: second, timeoutMs: 30_000 });
        const beganMs = program.env.clock.monotonicMs();
        // Answered after 20 s, unless a record comes.
        const parked = longFetch(second, topics[0]?.topicId ?? '', 30_000, 'group');
        assert.deepEqual(await topicNames(program.env, second), ['t']);
        assert.ok(program.env.clock.monotonicMs() - beganMs < 5_000);
        await parked;
        assert.ok(program.env.clock.monotonicMs() - beganMs >= 20_000);
        await second.close();
        done = true;
        return 0;
      });
      while (!done) await env.clock.sleep(10);
      await first.close();
    }));

  it('requests that wait for a broker go out in the order in which they were made', () =>
    inWorld(6, async (env) => {
      const transport = await open(env);
      const request = { topics: [], allowAutoTopicCreation: false, includeClusterAuthorizedOperations: false };
      await transport.close();
      await assert.rejects(
        transport.request(ANY_NODE, Metadata, 12, { ...request, includeTopicAuthorizedOperations: false }, 1000),
        (error) => error instanceof loaded.Unreachable,
      );
      const next = await open(env);
      const order: number[] = [];
      const asks = Array.from({ length: 20 }, (_, at) =>
        next
          .request(ANY_NODE, Metadata, 12, { ...request, includeTopicAuthorizedOperations: false }, 30_000)
          .then((reply) => {
            reply.release();
            order.push(at);
          }),
      );
      await Promise.all(asks);
      assert.deepEqual(
        order,
        Array.from({ length: 20 }, (_, at) => at),
      );
      await assert.rejects(
        next.request(7, Metadata, 12, { ...request, includeTopicAuthorizedOperations: false }, 30_000),
        (error) => error instanceof loaded.Unreachable,
      );
      await next.close();
    }));

  it('closed while it waits for a broker, it ends soon, and owns nothing', () =>
    inWorld(7, async (env, machine) => {
      const owner = machine.spawn('owner', async (program) => {
        await open(program.env);
        await program.env.clock.sleep(1_000_000);
        return 0;
      });
      await env.clock.sleep(2000);
      owner.process.pause();
      const transport = new loaded.DirectoryTransport(env, options({ timeoutMs: 0 }));
      const waiting = assert.rejects(transport.versions(ANY_NODE), (error) => error instanceof loaded.ClientError);
      await env.clock.sleep(500);
      const startMs = env.clock.monotonicMs();
      await transport.close();
      await waiting;
      assert.ok(env.clock.monotonicMs() - startMs < 5000);
      owner.process.kill('done');
      const next = await open(env);
      assert.equal(await ownerPid(env), env.proc.facts().pid);
      await next.close();
    }));

  it('closed at any moment of its start it leaves a place that is free', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      await inWorld(seed, async (env) => {
        const transport = new loaded.DirectoryTransport(env, options());
        const opening = transport.versions(ANY_NODE).catch(() => undefined);
        await env.clock.sleep(seed * 0.5);
        await transport.close();
        await opening;
        const startMs = env.clock.monotonicMs();
        const next = await open(env);
        assert.ok(env.clock.monotonicMs() - startMs < 300, `seed ${seed}`);
        await next.close();
      });
    }
  });

  it('a file system without sockets is named, and the place is free again', () =>
    inWorld(9, async (env) => {
      const net = {
        connect: env.net.connect.bind(env.net),
        listen: async () => {
          throw Object.assign(new Error('no sockets'), { code: 'EPERM' });
        },
      };
      await assert.rejects(open({ ...env, net }), { name: 'ClusterError', kind: 'unsupported' });
      const next = await open(env);
      await next.close();
    }));

  it('does not wait for a broker that is stopped for longer than the time given', () =>
    inWorld(13, async (env, machine) => {
      const owner = machine.spawn('owner', async (program) => {
        await open(program.env, { command: 'consume' });
        await program.env.clock.sleep(1_000_000);
        return 0;
      });
      await env.clock.sleep(2000);
      owner.process.pause();
      const startMs = env.clock.monotonicMs();
      await rejectsWithKind('conflict', open(env, { timeoutMs: 500 }));
      assert.ok(env.clock.monotonicMs() - startMs < 700, `${env.clock.monotonicMs() - startMs} ms`);
      owner.process.kill('done');
    }));
});
