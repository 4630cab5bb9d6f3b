/**
 * The cluster layer alone: processes that become the broker of a directory, change its metadata, leave again or are killed,
 * all at once on one machine. Nothing is served; what counts is who may act.
 */

import type { BrokerSession } from '../../../src/cluster/broker-session.ts';
import { Claim } from '../../../src/cluster/claim.ts';
import { ensureCluster } from '../../../src/cluster/cluster-directory.ts';
import { MetadataLog } from '../../../src/cluster/metadata-log.ts';
import { KafkaError } from '../../../src/protocol/errors.ts';
import { planFaults } from '../fault-plan.ts';
import { OwnerChecker } from '../owner-checker.ts';
import type { Scenario, SeedRun } from '../seed-run.ts';
import type { SimProgram } from '../sim-machine.ts';
import type { SimProcess } from '../sim-process.ts';

const DIRECTORY = '/data';
const FAULTS_MS = 15_000;
const HEALED_MS = 120_000;

/** What the processes were promised. */
class Promises {
  readonly run: SeedRun;
  readonly #epochs = new Set<number>();
  readonly #producerIds = new Set<bigint>();
  readonly topics = new Set<string>();
  readonly #sessions = new Map<SimProcess, BrokerSession>();

  constructor(run: SeedRun) {
    this.run = run;
  }

  won(process: SimProcess, session: BrokerSession): void {
    const { world } = this.run;
    if (this.#epochs.has(session.brokerEpoch)) world.violate('I-17', `broker epoch ${session.brokerEpoch} given twice`);
    this.#epochs.add(session.brokerEpoch);
    for (const [other, held] of this.#sessions) {
      if (!other.isDead && held.mayWrite() && held.holdsLease()) {
        world.violate('I-17', `${process.name} won while ${other.name}/${other.pid} holds its lease`);
      }
    }
    this.#sessions.set(process, session);
  }

  producerId(id: bigint): void {
    if (this.#producerIds.has(id)) this.run.world.violate('I-5', `producer id ${id} given twice`);
    this.#producerIds.add(id);
  }
}

export const places: Scenario = { name: 'places', run: runPlaces };

async function runPlaces(run: SeedRun): Promise<void> {
  const { world, machine } = run;
  const promises = new Promises(run);
  const owner = new OwnerChecker(machine, DIRECTORY);
  machine.onDiskDone = (call, path, process) => owner.check(call, path, process);
  const weights = {
    'kill broker': 3,
    'kill any': 2,
    'kill at point': 3,
    'kill at disk call': 4,
    'power cut at disk call': 2,
    'power cut': 1,
    'pause broker': 3,
    'pause any': 2,
    'slow syncs': 1,
    'clock jump': 1,
  };
  const faults = run.arm(planFaults(world.chance.fork(), 12, 0, FAULTS_MS, weights), () => owner.process());
  const chance = world.chance.fork();
  let started = 0;
  const start = (): void => {
    if (world.nowMs >= FAULTS_MS) return;
    if (machine.alive().length < 5) {
      const name = `p${started++}`;
      const plan = { changes: chance.between(0, 6), restMs: chance.between(1, 800) };
      machine.spawn(name, (program) => live(promises, program, plan));
    }
    world.after(chance.between(1, 600), start);
  };
  start();
  await world.run(() => world.nowMs >= FAULTS_MS, FAULTS_MS + 1);
  faults.heal();
  const ended = await world.run(() => machine.alive().length === 0, HEALED_MS);
  if (ended !== 'done' && ended !== 'violated') {
    const left = machine.alive().map((process) => `${process.name}/${process.pid}`);
    world.violate('I-31', `${left.join(', ')} did not get its turn within ${HEALED_MS} ms without faults`);
  }
  await judge(run, promises);
}

async function live(
  promises: Promises,
  { env, process }: SimProgram,
  plan: { changes: number; restMs: number },
): Promise<number> {
  const clusterId = await ensureCluster(env, DIRECTORY);
  const log = await MetadataLog.open(env, DIRECTORY, clusterId);
  const options = {
    directory: DIRECTORY,
    brokerId: 1,
    command: 'test',
    endpoints: [],
    lastCloseWasClean: async () => true,
  };
  const claim = new Claim(env, log, options);
  for (;;) {
    const outcome = await claim.attempt();
    if (outcome.kind === 'won') {
      promises.won(process, outcome.session);
      await act(promises, outcome.session, process, plan.changes, () => env.clock.sleep(plan.restMs));
      await outcome.session.release();
      return 0;
    }
    await env.clock.sleep(20 + 100 * env.random.fraction());
  }
}

async function act(
  promises: Promises,
  session: BrokerSession,
  process: SimProcess,
  changes: number,
  rest: () => Promise<void>,
): Promise<void> {
  try {
    for (let change = 0; change < changes; change++) {
      promises.producerId(await session.nextProducerId());
      const name = `${process.name}-${process.pid}-${change}`;
      await session.createTopic({ name, partitionCount: 1, configs: new Map() });
      if (!process.isDead) {
        promises.topics.add(name);
        promises.run.operation();
      }
      await rest();
    }
  } catch (error) {
    // Only a process that was replaced may be refused.
    if (!(error instanceof KafkaError) || session.mayWrite()) throw error;
  }
}

/** What was promised is in the log that a new process reads. */
async function judge({ world, machine }: SeedRun, promises: Promises): Promise<void> {
  if (world.violations.length > 0) return;
  let topics: ReadonlySet<string> | undefined;
  machine.spawn('judge', async ({ env }) => {
    const clusterId = await ensureCluster(env, DIRECTORY);
    topics = new Set((await MetadataLog.open(env, DIRECTORY, clusterId)).image.topics.keys());
    return 0;
  });
  await world.run(() => topics !== undefined, 10_000);
  for (const name of promises.topics) {
    if (!topics?.has(name)) world.violate('I-1', `topic ${name}, which was created, is gone`);
  }
}
