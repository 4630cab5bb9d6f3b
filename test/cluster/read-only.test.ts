/** A broker whose directory takes no writes any more: it shows what it has, and promises nothing. */
import assert from 'node:assert/strict';
import { confirmLease, confirmSight } from '../../src/broker/lease.ts';
import type { Env, HeldLock } from '../../src/kernel/env.ts';
import { inWorld, mustBecomeBroker, openLog } from './in-world.ts';

/** An Env whose locks can be made to fail with `code`, as when their file system takes no writes. */
function failing(env: Env): { env: Env; fail(code: string): void; heal(): void } {
  let failure: Error | undefined;
  let frozenAtMs = 0;
  const compromise = new Set<(error: Error) => Promise<void>>();
  const acquire: Env['lock']['acquire'] = async (path, options) => {
    if (failure !== undefined) throw failure;
    const held = await env.lock.acquire(path, options);
    if (held === undefined) return undefined;
    compromise.add(async (error) => {
      options.onCompromised(error);
      await held.release();
    });
    const wrapped: HeldLock = {
      confirmedAtMs: () => (failure === undefined ? held.confirmedAtMs() : frozenAtMs),
      release: () => held.release(),
    };
    return wrapped;
  };
  return {
    env: { ...env, lock: { acquire, breakDead: (path) => env.lock.breakDead(path) } },
    fail: (code) => {
      failure = Object.assign(new Error(code), { code });
      frozenAtMs = env.clock.monotonicMs();
      const error = failure;
      const listeners = [...compromise];
      compromise.clear();
      env.clock.timer(6000, () => {
        for (const listener of listeners) void listener(error);
      });
    },
    heal: () => {
      failure = undefined;
    },
  };
}

describe('cluster: a directory that takes no writes', () => {
  for (const code of ['EROFS', 'EIO']) {
    it(`is still shown, for minutes, and nothing is promised (${code})`, async () => {
      await inWorld(1, async (env) => {
        const disk = failing(env);
        const session = await mustBecomeBroker(disk.env);
        await confirmSight(session);
        disk.fail(code);
        for (let second = 0; second < 120; second++) {
          await env.clock.sleep(1000);
          await confirmSight(session);
        }
        assert.equal(session.holdsLease(), false);
        assert.equal(session.isReadOnly(), true);
        await assert.rejects(confirmLease(session), { errorName: 'KAFKA_STORAGE_ERROR' });
        assert.equal(session.mayWrite(), true, 'it did not resign');
        disk.heal();
        await env.clock.sleep(20_000);
        await confirmLease(session);
        assert.equal(session.isReadOnly(), false);
        await session.release();
      });
    });
  }

  it('is not shown once a newer registration is there', async () => {
    await inWorld(1, async (env) => {
      const disk = failing(env);
      const session = await mustBecomeBroker(disk.env);
      disk.fail('EROFS');
      await env.clock.sleep(10_000);
      await confirmSight(session);
      const log = await openLog(env);
      const uuid = env.random.uuid();
      await log.append(({ lastNumber }) => ({
        v: 1,
        uuid,
        type: 'broker-registered',
        brokerId: 1,
        brokerEpoch: lastNumber + 1,
        expects: { lastNumber },
        process: env.proc.facts(),
        command: 'other',
        endpoints: [],
        uncleanClose: true,
      }));
      await env.clock.sleep(10_000);
      await assert.rejects(confirmSight(session), { errorName: 'NOT_LEADER_OR_FOLLOWER' });
      await session.release();
    });
  });

  it('does not count when the lock was lost for another reason', async () => {
    await inWorld(1, async (env) => {
      const disk = failing(env);
      const session = await mustBecomeBroker(disk.env);
      disk.fail('ENOENT');
      await env.clock.sleep(10_000);
      assert.equal(session.maySee(), false);
      await assert.rejects(confirmSight(session), { errorName: 'NOT_LEADER_OR_FOLLOWER' });
      assert.equal(session.mayWrite(), false, 'it resigned');
      await session.release();
    });
  });
});
