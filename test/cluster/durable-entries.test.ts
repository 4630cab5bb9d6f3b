/** Entries that their writer did not make durable, met by the next claimer and then by a power cut. */
import assert from 'node:assert/strict';
import { entryFolder } from '../../src/cluster/layout.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import type { SimProcess } from '../sim/sim-process.ts';
import { World } from '../sim/sim-world.ts';
import { DIRECTORY, mustBecomeBroker, runToEnd } from './in-world.ts';

/** As a system may whose sync failed: all see the new names, and no later sync writes them. */
function forgetChanges(machine: SimMachine, path: string): void {
  const inode = machine.files.find(path);
  assert.ok(inode?.kind === 'directory');
  inode.folder.settledCount += inode.folder.pending.length;
  inode.folder.pending = [];
}

describe('cluster: entries that are not durable', () => {
  it('a claimer that dies before its entry is durable leaves no hole behind it when the power goes', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const machine = new SimMachine(new World({ seed }), 'm');
      const claimAndStay = (name: string): SimProcess =>
        machine.spawn(name, async ({ env }) => {
          await mustBecomeBroker(env);
          await env.clock.sleep(100_000);
          return 0;
        }).process;
      machine.spawn('first', async ({ env }) => {
        await (await mustBecomeBroker(env)).release();
        return 0;
      });
      await runToEnd(machine, 60_000);
      machine.onFault = (point, process) => {
        if (point !== 'cluster.after-link') return;
        if (process.name === 'unlucky') process.kill('after link');
        else machine.cutPower({ file: ['all kept'], folder: ['subset'] });
      };
      claimAndStay('unlucky');
      await runToEnd(machine, 60_000);
      claimAndStay('next');
      await runToEnd(machine, 60_000);
      machine.onFault = () => undefined;
      machine.spawn('last', async ({ env }) => {
        await (await mustBecomeBroker(env)).release();
        return 0;
      });
      await runToEnd(machine, 60_000);
    }
  });

  it('an entry whose sync failed is made durable by whoever builds on it, however its owner left', async () => {
    for (const left of ['released', 'killed'] as const) {
      for (let seed = 1; seed <= 10; seed++) {
        const machine = new SimMachine(new World({ seed }), 'm');
        const { process } = machine.spawn('owner', async ({ env }) => {
          const session = await mustBecomeBroker(env);
          machine.hardware.faults = (call, path) => {
            if (call !== 'syncDirectory' || path !== entryFolder(DIRECTORY)) return undefined;
            forgetChanges(machine, path);
            return { kind: 'error', code: 'EIO' };
          };
          const made = session.createTopic({ name: 't', partitionCount: 1, configs: new Map() });
          await assert.rejects(made, { code: 'EIO' });
          machine.hardware.faults = () => undefined;
          if (left === 'killed') process.kill('after a failed sync');
          else await session.release();
          return 0;
        });
        await runToEnd(machine, 60_000);
        machine.spawn('next', async ({ env }) => {
          await mustBecomeBroker(env);
          machine.cutPower({ file: ['nothing kept'], folder: ['nothing kept'] });
          return 0;
        });
        await runToEnd(machine, 60_000);
        machine.spawn('last', async ({ env }) => {
          const session = await mustBecomeBroker(env);
          assert.deepEqual([...session.image().topics.keys()], ['t'], `${left}, seed ${seed}`);
          await session.release();
          return 0;
        });
        await runToEnd(machine, 60_000);
      }
    }
  });
});
