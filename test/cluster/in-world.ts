/** Programs on one simulated machine, for tests of code that needs a disk, a lock and other processes. */
import assert from 'node:assert/strict';
import type { BrokerSession } from '../../src/cluster/broker-session.ts';
import { Claim, type ClaimOptions } from '../../src/cluster/claim.ts';
import { ensureCluster } from '../../src/cluster/cluster-directory.ts';
import { MetadataLog } from '../../src/cluster/metadata-log.ts';
import type { Env } from '../../src/kernel/env.ts';
import { SimMachine } from '../sim/sim-machine.ts';
import { World } from '../sim/sim-world.ts';

export const DIRECTORY = '/data';

/** Runs one program to its end; what it throws fails the test with the seed and the end of the trace. */
export async function inWorld(seed: number, program: (env: Env, machine: SimMachine) => Promise<void>): Promise<void> {
  const world = new World({ seed });
  const machine = new SimMachine(world, 'm');
  machine.spawn('test', async ({ env }) => {
    await program(env, machine);
    return 0;
  });
  await runToEnd(machine, 86_400_000);
}

/** Until no process is left; fails on a violation. */
export async function runToEnd(machine: SimMachine, limitMs: number): Promise<void> {
  const { world } = machine;
  const ended = await world.run(() => machine.alive().length === 0, limitMs);
  const what = world.violations.map(({ rule, text }) => `${rule}: ${text}`).join('\n');
  assert.equal(ended, 'done', `seed ${world.seed}: ${ended}\n${what}\n${world.traceLines().slice(-40).join('\n')}`);
}

export function claimOptions(options: Partial<ClaimOptions> = {}): ClaimOptions {
  return {
    directory: DIRECTORY,
    brokerId: 1,
    command: 'test',
    endpoints: [],
    lastCloseWasClean: async () => true,
    ...options,
  };
}

export async function openLog(env: Env): Promise<MetadataLog> {
  return MetadataLog.open(env, DIRECTORY, await ensureCluster(env, DIRECTORY));
}

/** Claims until won; undefined when somebody else is the broker. */
export async function becomeBroker(
  env: Env,
  options: Partial<ClaimOptions> = {},
  releasedEpochs: ReadonlySet<number> = new Set(),
): Promise<BrokerSession | undefined> {
  const claim = new Claim(env, await openLog(env), claimOptions(options), releasedEpochs);
  for (;;) {
    const outcome = await claim.attempt();
    if (outcome.kind === 'won') return outcome.session;
    if (outcome.kind === 'occupied') return undefined;
    await env.clock.sleep(outcome.retryMs);
  }
}

export async function mustBecomeBroker(env: Env, options: Partial<ClaimOptions> = {}): Promise<BrokerSession> {
  const session = await becomeBroker(env, options);
  assert.ok(session, 'somebody else is the broker');
  return session;
}
