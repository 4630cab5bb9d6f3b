import assert from 'node:assert/strict';
import { bindEarly } from '../../src/cli/early-listeners.ts';
import { ClientError } from '../../src/client/client-error.ts';
import type { NetSocket } from '../../src/kernel/env.ts';
import { inWorld } from '../cluster/in-world.ts';

const LOCAL = { host: '127.0.0.1', port: 0 };

describe('cli: listeners bound before the broker', () => {
  it('port 0 becomes one real port for all addresses', () =>
    inWorld(1, async (env) => {
      const early = await bindEarly(env.net, [LOCAL, { host: '::1', port: 0 }]);
      const ports = early.addresses.map(({ port }) => port);
      assert.equal(new Set(ports).size, 1);
      assert.notEqual(ports[0], 0);
      await early.close();
    }));

  it('a taken port is a conflict, and nothing stays bound', () =>
    inWorld(2, async (env) => {
      const first = await bindEarly(env.net, [{ host: '127.0.0.1', port: 9092 }]);
      const both = [
        { host: '127.0.0.1', port: 9093 },
        { host: '127.0.0.1', port: 9092 },
      ];
      await assert.rejects(
        bindEarly(env.net, both),
        (error) => error instanceof ClientError && error.kind === 'conflict',
      );
      await (await bindEarly(env.net, [{ host: '127.0.0.1', port: 9093 }])).close();
      await first.close();
    }));

  it('an optional address that the system lacks is left out, one that is not optional is an error', () =>
    inWorld(3, async (env) => {
      const net = {
        ...env.net,
        connect: env.net.connect.bind(env.net),
        listen: async (...[address, onConnection]: Parameters<typeof env.net.listen>) => {
          if ('host' in address && address.host === '::1') {
            throw Object.assign(new Error('no such address'), { code: 'EADDRNOTAVAIL' });
          }
          return env.net.listen(address, onConnection);
        },
      };
      const early = await bindEarly(net, [LOCAL, { host: '::1', port: 0, optional: true }]);
      assert.equal(early.addresses.length, 1);
      await early.close();
      await assert.rejects(bindEarly(net, [LOCAL, { host: '::1', port: 0 }]), { code: 'EADDRNOTAVAIL' });
    }));

  it('a connection that came early waits, and is handed to who listens', () =>
    inWorld(4, async (env) => {
      const early = await bindEarly(env.net, [LOCAL]);
      const [address] = early.addresses;
      assert.ok(address);
      const client = await env.net.connect(address, 1000);
      const taken: NetSocket[] = [];
      const listener = await early.net().listen(address, (socket) => taken.push(socket));
      const second = await env.net.connect(address, 1000);
      await env.clock.sleep(10);
      assert.equal(taken.length, 2);
      assert.deepEqual(listener.address, address);
      const other = await early.net().listen({ host: '127.0.0.1', port: 0 }, () => undefined);
      await Promise.all([listener.close(), other.close(), early.close()]);
      for (const socket of [client, second, ...taken]) socket.destroy();
    }));
});
