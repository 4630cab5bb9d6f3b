import assert from 'node:assert/strict';
import type { RunningServer, ServerOptions } from '../../src/cli/start-server.ts';
import { ANY_NODE } from '../../src/client/transport.ts';
import { readOwnerRecord } from '../../src/cluster/owner-record.ts';
import type { Env } from '../../src/kernel/env.ts';
import { registration } from '../cluster/images.ts';
import { DIRECTORY, inWorld, openLog, runToEnd } from '../cluster/in-world.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';
import { type Loaded, loadModules } from './loaded-modules.ts';

let loaded: Loaded;

function start(env: Env, more: Partial<ServerOptions> = {}): Promise<RunningServer> {
  return loaded.startServer(env, {
    directory: DIRECTORY,
    listen: [{ host: '127.0.0.1', port: 0 }],
    settings: { given: new Map() },
    timeoutMs: 20_000,
    note: () => undefined,
    ...more,
  });
}

function openTransport(env: Env) {
  return loaded.openDirectoryTransport(env, {
    directory: DIRECTORY,
    command: 'consume',
    timeoutMs: 30_000,
    createDirectory: true,
    note: () => undefined,
  });
}

const isConflict = (error: unknown): boolean => error instanceof loaded.ClientError && error.kind === 'conflict';

describe('cli: starting a server', () => {
  before(async () => {
    loaded = await loadModules();
  });

  it('listens on its port and on the socket, and tells both', () =>
    inWorld(1, async (env, machine) => {
      const server = await start(env);
      const [address] = server.addresses;
      assert.ok(address !== undefined && address.port > 0);
      assert.deepEqual(server.advertised, { name: 'PLAINTEXT', ...address });
      assert.deepEqual((await readOwnerRecord(env, DIRECTORY, 1))?.endpoints, [server.advertised]);
      (await env.net.connect(address, 1000)).destroy();
      let versions = 0;
      machine.spawn('client', async (program) => {
        const transport = await openTransport(program.env);
        versions = (await transport.versions(ANY_NODE)).size;
        await transport.close();
        return 0;
      });
      await env.clock.sleep(2000);
      assert.ok(versions > 5);
      await server.stop();
      assert.equal((await readOwnerRecord(env, DIRECTORY, 1))?.released, true);
      await assert.rejects(env.net.connect(address, 1000));
    }));

  it('says what it was told to advertise, with the real port where that is 0', () =>
    inWorld(2, async (env) => {
      const server = await start(env, { advertise: { host: 'example.org', port: 0 } });
      assert.deepEqual(server.advertised, { name: 'PLAINTEXT', host: 'example.org', port: server.addresses[0]?.port });
      await server.stop();
      const fixed = await start(env, {
        advertise: { host: 'example.org', port: 19092 },
        keep: new Map([['num.partitions', '3']]),
      });
      assert.equal(fixed.advertised.port, 19092);
      await fixed.stop();
    }));

  it('gets its place from a command, which goes on as its client', () =>
    inWorld(3, async (env, machine) => {
      let turns = 0;
      const command = machine.spawn('command', async (program) => {
        const transport = await openTransport(program.env);
        for (let turn = 0; turn < 100; turn++) {
          const admin = { env: program.env, transport, timeoutMs: 10_000 };
          await loaded.listTopics(admin);
          turns++;
          await program.env.clock.sleep(100);
        }
        await transport.close();
        return 0;
      });
      await env.clock.sleep(3000);
      assert.equal((await readOwnerRecord(env, DIRECTORY, 1))?.process.pid, command.process.pid);
      const startMs = env.clock.monotonicMs();
      const server = await start(env);
      assert.ok(env.clock.monotonicMs() - startMs < 1500, `${env.clock.monotonicMs() - startMs} ms`);
      assert.equal((await readOwnerRecord(env, DIRECTORY, 1))?.command, 'serve');
      await env.clock.sleep(20_000);
      assert.deepEqual([command.process.exitCode, turns], [0, 100]);
      await server.stop();
    }));

  it('is refused beside another server, with its process and address, and leaves its port free', () =>
    inWorld(4, async (env, machine) => {
      const server = await start(env);
      machine.spawn('second', async (program) => {
        const taken = await start(program.env, { listen: [{ host: '127.0.0.1', port: 7000 }] }).then(
          () => assert.fail('two servers'),
          (error: unknown) => error,
        );
        assert.ok(isConflict(taken));
        for (const part of [String(env.proc.facts().pid), String(server.advertised.port)]) {
          assert.ok(String(taken).includes(part), String(taken));
        }
        return 0;
      });
      await env.clock.sleep(3000);
      await (await env.net.listen({ host: '127.0.0.1', port: 7000 }, () => undefined)).close();
      await server.stop();
    }));

  it('of servers that start at once on one directory one serves, also when a command was there first', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World({ seed });
      const machine = new SimMachine(world, 'm');
      const outcomes: string[] = [];
      if (seed % 2 === 0) {
        machine.spawn('command', async ({ env }) => {
          const transport = await openTransport(env);
          await env.clock.sleep(3000);
          await transport.close();
          return 0;
        });
        await world.run(() => false, 500);
      }
      for (let at = 0; at < 3; at++) {
        machine.spawn(`serve${at}`, async ({ env }) => {
          try {
            const server = await start(env);
            outcomes.push('serves');
            await env.clock.sleep(30_000);
            await server.stop();
          } catch (error) {
            assert.ok(isConflict(error), String(error));
            outcomes.push('refused');
          }
          return 0;
        });
      }
      await runToEnd(machine, 600_000);
      assert.deepEqual(outcomes.sort(), ['refused', 'refused', 'serves'], `seed ${seed}`);
    }
  });

  it('a server whose place was taken says so', () =>
    inWorld(5, async (env) => {
      const server = await start(env);
      const log = await openLog(env);
      await log.append((image) => registration(image));
      assert.notEqual(await server.resigned, '');
      await server.stop();
    }));
});
