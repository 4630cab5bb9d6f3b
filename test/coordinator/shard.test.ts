import assert from 'node:assert/strict';
import { Departure } from '../../src/broker/departure.ts';
import { groupBatches } from '../../src/coordinator/group-batch.ts';
import { Shard } from '../../src/coordinator/shard.ts';
import type { GroupCaller } from '../../src/coordinator/shard-machine.ts';
import type { Env } from '../../src/kernel/env.ts';
import { type ErrorName, KafkaError } from '../../src/protocol/errors.ts';
import { ManualClock } from '../broker/manual-clock.ts';
import { FakeLog } from './fake-log.ts';
import { FakeMachine, offsetRecord } from './fake-machine.ts';

const CALLER: GroupCaller = {
  clientId: 'c',
  clientHost: '/unix',
  connectionId: undefined,
  apiVersion: 0,
  departure: undefined,
};

class Scene {
  readonly clock = new ManualClock();
  readonly log = new FakeLog();
  readonly warnings: string[] = [];
  machine = new FakeMachine();
  isLeased = true;
  overCount = 0;
  reason = '';
  readonly #leaseWaits: { resolve: () => void; reject: (error: KafkaError) => void }[] = [];

  shard(options: { after?: Promise<void>; open?: () => Promise<FakeLog>; told?: string } = {}): Shard<FakeMachine> {
    this.machine = new FakeMachine();
    const say = (text: string): void => void this.warnings.push(text);
    const env = { clock: this.clock, log: { debug: () => undefined, info: say, warn: say, error: say } };
    const confirm = (): Promise<void> =>
      new Promise((resolve, reject) => {
        this.#leaseWaits.push({ resolve, reject });
      });
    return new Shard({
      env: env as unknown as Env,
      name: 'offsets-0',
      machine: this.machine,
      place: {
        holdsLease: () => this.isLeased,
        confirmLease: confirm,
        maySee: () => this.isLeased,
        confirmSight: confirm,
      },
      openLog: options.open ?? (async () => this.log),
      after: options.after ?? Promise.resolve(),
      onLoaded: (machine) => machine.loaded(),
      told: options.told,
      onOver: (reason) => {
        this.reason = reason;
        this.overCount += 1;
      },
    });
  }

  async live(): Promise<Shard<FakeMachine>> {
    const shard = this.shard();
    await until(() => this.machine.loadedCount === 1);
    return shard;
  }

  settleLease(error?: KafkaError): void {
    this.isLeased = error === undefined;
    for (const { resolve, reject } of this.#leaseWaits.splice(0)) error === undefined ? resolve() : reject(error);
  }
}

async function until(isDone: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !isDone(); turn += 1) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(isDone());
}

function errorIs(name: ErrorName): (error: unknown) => boolean {
  return (error) => error instanceof KafkaError && error.errorName === name;
}

/** What became of a promise so far. */
function watch<T>(promise: Promise<T>): { state: 'open' | 'done' | 'failed'; value?: T; error?: unknown } {
  const seen: { state: 'open' | 'done' | 'failed'; value?: T; error?: unknown } = { state: 'open' };
  promise.then(
    (value) => Object.assign(seen, { state: 'done', value }),
    (error: unknown) => Object.assign(seen, { state: 'failed', error }),
  );
  return seen;
}

const set = (shard: Shard<FakeMachine>, topic: string, offset: number, isolated = false): Promise<number> =>
  shard.call<number>(CALLER, (machine, call) => machine.set(call, topic, offset, isolated));
const get = (shard: Shard<FakeMachine>, topic: string): Promise<number> =>
  shard.call<number>(CALLER, (machine, call) => machine.get(call, topic));

describe('coordinator: shard', () => {
  it('calls wait for the load, and are asked in their order on what it found', async () => {
    const scene = new Scene();
    for (const part of groupBatches([offsetRecord('t', 7), offsetRecord('u', 8)], 5)) scene.log.write(part.bytes);
    scene.log.write(groupBatches([offsetRecord('t', 9)], 6)[0]!.bytes);
    const shard = scene.shard();
    const answers = Promise.all([get(shard, 't'), set(shard, 't', 10), get(shard, 't'), get(shard, 'u')]);
    assert.deepEqual(await answers, [9, 10, 10, 8]);
    assert.equal(scene.machine.loadedCount, 1);
    assert.deepEqual(scene.machine.facts, [
      { offset: 1, wallMs: 5, loading: true },
      { offset: 2, wallMs: 6, loading: true },
      { offset: 3, wallMs: 1000, loading: false },
    ]);
  });

  it('answers nothing that is not committed, neither what was written nor what was read behind it', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    scene.log.isEager = false;
    const written = watch(set(shard, 't', 1));
    const read = watch(get(shard, 't'));
    await until(() => scene.machine.offsets.get('t') === 1);
    assert.deepEqual([written.state, read.state], ['open', 'open']);
    scene.log.commit();
    await until(() => read.state === 'done');
    assert.deepEqual([written.value, read.value], [1, 1]);
    assert.equal((await get(shard, 't')) === 1, true);
  });

  it('a refused append costs an isolated transition its call alone, any other the whole life', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    scene.log.refusal = new KafkaError('KAFKA_STORAGE_ERROR');
    await assert.rejects(set(shard, 't', 1, true), errorIs('NOT_COORDINATOR'));
    assert.equal(await get(shard, 't'), -1);
    assert.equal(scene.overCount, 0);
    const parked = watch(shard.call<never>(CALLER, (machine, call) => machine.park(call)));
    scene.log.refusal = new KafkaError('MESSAGE_TOO_LARGE');
    await assert.rejects(set(shard, 't', 1), errorIs('UNKNOWN_SERVER_ERROR'));
    assert.equal(scene.overCount, 1);
    await until(() => parked.state === 'failed');
    assert.ok(errorIs('NOT_COORDINATOR')(parked.error));
    await assert.rejects(get(shard, 't'), errorIs('NOT_COORDINATOR'));
  });

  it('an isolated append that finds another offset next ends the life: somebody else wrote', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    scene.log.write(groupBatches([offsetRecord('t', 5)], 1)[0]!.bytes);
    await assert.rejects(set(shard, 'u', 1, true), errorIs('NOT_COORDINATOR'));
    assert.equal(scene.overCount, 1);
    assert.equal(await get(await scene.live(), 't'), 5);
  });

  it('after a failed commit nothing of the old machine is shown, and the next one waits for all that is under way', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    scene.log.isEager = false;
    const calls = [set(shard, 't', 1), set(shard, 't', 2), get(shard, 't')].map((call) => watch(call));
    const next = scene.shard({ after: shard.idle() });
    const waiting = watch(get(next, 't'));
    await until(() => calls.length === 3);
    assert.equal(waiting.state, 'open');
    scene.log.lose(new KafkaError('KAFKA_STORAGE_ERROR'));
    await until(() => waiting.state === 'done');
    assert.deepEqual(
      calls.map(({ state, error }) => [state, error instanceof KafkaError && error.errorName]),
      Array.from({ length: 3 }, () => ['failed', 'NOT_COORDINATOR']),
    );
    assert.equal(waiting.value, -1);
    assert.equal(scene.overCount, 1);
  });

  it('what the machine throws is the end of it, and its caller is told that it is our fault', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    const failing = shard.call<number>(CALLER, () => {
      throw new RangeError('a bug');
    });
    await assert.rejects(failing, errorIs('UNKNOWN_SERVER_ERROR'));
    assert.equal(scene.overCount, 1);
    assert.match(scene.warnings.join(), /a bug/);
  });

  it('too many calls for one load are told so', async () => {
    const scene = new Scene();
    const shard = scene.shard({ after: new Promise(() => undefined) });
    const calls = Array.from({ length: 4097 }, () => watch(get(shard, 't')));
    await until(() => calls[4096]?.state === 'failed');
    assert.ok(errorIs('COORDINATOR_LOAD_IN_PROGRESS')(calls[4096]?.error));
    assert.equal(calls[4095]?.state, 'open');
  });

  it('a load that takes too long is told, each call after a time of its own', async () => {
    const scene = new Scene();
    const shard = scene.shard({ after: new Promise(() => undefined) });
    const calls = [watch(get(shard, 't')), watch(get(shard, 't'))];
    scene.clock.advance(4999);
    const late = watch(get(shard, 't'));
    scene.clock.advance(2);
    await until(() => calls[0]?.state === 'failed');
    assert.ok(calls.every(({ error }) => errorIs('COORDINATOR_LOAD_IN_PROGRESS')(error)));
    assert.equal(late.state, 'open');
    scene.clock.advance(5000);
    await until(() => late.state === 'failed');
    assert.equal(scene.clock.pendingCount, 0);
  });

  it('a load that fails ends the life, and its calls', async () => {
    const scene = new Scene();
    const broken = new Error('EIO');
    const shard = scene.shard({
      open: () => Promise.reject(new KafkaError('KAFKA_STORAGE_ERROR', 'x', { cause: broken })),
    });
    await assert.rejects(get(shard, 't'), errorIs('NOT_COORDINATOR'));
    assert.equal(scene.overCount, 1);
  });

  it('what ends one life after the other is told once', async () => {
    const scene = new Scene();
    const open = (): Promise<FakeLog> => Promise.reject(new KafkaError('KAFKA_STORAGE_ERROR', 'x'));
    await assert.rejects(get(scene.shard({ open }), 't'));
    assert.equal(scene.warnings.length, 1);
    await assert.rejects(get(scene.shard({ open, told: scene.reason }), 't'));
    assert.equal(scene.warnings.length, 1);
    await assert.rejects(get(scene.shard({ open, told: 'another reason' }), 't'));
    assert.equal(scene.warnings.length, 2);
  });

  it('on a lapsed lease nothing is decided and nothing is told', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    scene.log.isEager = false;
    const written = watch(set(shard, 't', 1));
    scene.isLeased = false;
    const queued = watch(set(shard, 't', 2));
    scene.log.commit();
    await until(() => scene.log.batches.length === 1);
    assert.deepEqual([written.state, queued.state, scene.machine.offsets.get('t')], ['open', 'open', 1]);
    scene.log.isEager = true;
    scene.settleLease();
    await until(() => queued.state === 'done');
    assert.equal(written.state, 'done');
    scene.isLeased = false;
    const lost = watch(get(shard, 't'));
    scene.settleLease(new KafkaError('NOT_LEADER_OR_FOLLOWER'));
    await until(() => lost.state === 'failed');
    assert.ok(errorIs('NOT_COORDINATOR')(lost.error));
    assert.equal(scene.overCount, 1);
  });

  it('a queued call whose client is gone is not asked; a client that goes is told to the machine once', async () => {
    const scene = new Scene();
    const departure = new Departure();
    const caller: GroupCaller = { ...CALLER, connectionId: 7, departure };
    const shard = scene.shard();
    const gone = new Departure();
    const dropped = shard.call<number>({ ...CALLER, connectionId: 8, departure: gone }, (machine, call) =>
      machine.set(call, 't', 1),
    );
    gone.announce();
    await assert.rejects(dropped, errorIs('NOT_COORDINATOR'));
    assert.equal(await shard.call<number>(caller, (machine, call) => machine.get(call, 't')), -1);
    assert.equal(await shard.call<number>(caller, (machine, call) => machine.get(call, 't')), -1);
    departure.announce();
    assert.deepEqual(scene.machine.gone, [7]);
  });

  it('a departure after the end says nothing', async () => {
    const scene = new Scene();
    const departure = new Departure();
    const shard = await scene.live();
    await shard.call<number>({ ...CALLER, connectionId: 7, departure }, (machine, call) => machine.get(call, 't'));
    shard.end(new KafkaError('NOT_COORDINATOR'));
    departure.announce();
    assert.deepEqual(scene.machine.gone, []);
    assert.equal(scene.overCount, 0);
  });

  it('one timer, for what is due first; none when nothing is', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    assert.equal(scene.clock.pendingCount, 0);
    const ran: number[] = [];
    const plan = (atMs: number): void =>
      shard.turn((machine) => {
        machine.due.push({ atMs, run: ({ nowMs }) => ran.push(nowMs) });
      });
    plan(1300);
    plan(1200);
    plan(1400);
    assert.equal(scene.clock.pendingCount, 1);
    scene.clock.advance(250);
    assert.deepEqual(ran, [1200]);
    scene.clock.advance(200);
    assert.deepEqual(ran, [1200, 1300, 1400]);
    assert.equal(scene.clock.pendingCount, 0);
    const { timersMade } = scene.clock;
    plan(2000);
    for (let at = 0; at < 100; at += 1) await get(shard, 't');
    assert.equal(scene.clock.timersMade, timersMade + 1);
    shard.end(new KafkaError('NOT_COORDINATOR'));
    assert.equal(scene.clock.pendingCount, 0);
  });

  it('what is due at once is run in turns of its own, each on what the one before wrote', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    const seen: (number | undefined)[] = [];
    shard.turn((machine, { nowMs }) => {
      for (let at = 1; at <= 3; at += 1) {
        machine.due.push({
          atMs: nowMs,
          run: () => {
            seen.push(machine.offsets.get('t'));
            machine.decide([offsetRecord('t', at)], []);
          },
        });
      }
    });
    assert.deepEqual(seen, [undefined, 1, 2]);
    assert.equal(scene.log.batches.length, 3);
  });

  it('a moment that comes late removes nobody: deadlines move by its lateness', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    const ran: number[] = [];
    shard.turn((machine) => {
      machine.due.push({ atMs: 2000, run: ({ nowMs }) => ran.push(nowMs) });
    });
    scene.clock.nowMs = 22_000;
    scene.clock.advance(0);
    assert.deepEqual([ran, scene.machine.postponedMs], [[], 20_000]);
    scene.clock.advance(999);
    assert.deepEqual(ran, []);
    scene.clock.advance(1);
    assert.deepEqual(ran, [23_000]);
  });

  it('also when a call comes before the late timer', async () => {
    const scene = new Scene();
    const shard = await scene.live();
    const ran: number[] = [];
    shard.turn((machine) => {
      machine.due.push({ atMs: 2000, run: ({ nowMs }) => ran.push(nowMs) });
    });
    scene.clock.nowMs = 22_000;
    await get(shard, 't');
    assert.deepEqual([ran, scene.machine.postponedMs], [[], 20_000]);
  });
});
