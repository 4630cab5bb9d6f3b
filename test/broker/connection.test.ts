import assert from 'node:assert/strict';
import { brokerSettings, EffectiveSettings } from '../../src/broker/broker-settings.ts';
import { Connection } from '../../src/broker/connection.ts';
import { connectionLimits } from '../../src/broker/connection-limits.ts';
import { BrokerStopped, type Reply, type RequestContext } from '../../src/broker/request.ts';
import { UnsentAnswers } from '../../src/broker/unsent-answers.ts';
import { ByteBudget } from '../../src/kernel/byte-budget.ts';
import { deferred } from '../../src/kernel/deferred.ts';
import { SlabPool } from '../../src/kernel/slab-pool.ts';
import { ApiVersions, DescribeCluster, Fetch, Metadata, Produce } from '../../src/protocol/apis/index.ts';
import { HandOver } from '../../src/protocol/private/hand-over.ts';
import type { RequestInput, ResponseOf } from '../../src/protocol/schema.ts';
import { FakeSocket, frameOf } from './fake-socket.ts';
import { fetchAnswer } from './fetch-answer.ts';
import { ManualClock } from './manual-clock.ts';

interface Taken {
  readonly apiKey: number;
  readonly context: RequestContext;
  answer(reply: Reply): void;
  fail(error: Error): void;
}

const CLUSTER: ResponseOf<typeof DescribeCluster> = {
  throttleTimeMs: 0,
  errorCode: 0,
  errorMessage: null,
  endpointType: 1,
  clusterId: 'c',
  controllerId: 1,
  brokers: [],
  clusterAuthorizedOperations: -2147483648,
};
/** Not asked for at length: of these answers one at a time is made. */
const EMPTY_METADATA: ResponseOf<typeof Metadata> = {
  throttleTimeMs: 0,
  brokers: [],
  clusterId: 'c',
  controllerId: 1,
  topics: [],
  clusterAuthorizedOperations: -2147483648,
  errorCode: 0,
};
function produceOf(byteCount: number): RequestInput<typeof Produce> {
  const partitionData = [{ index: 0, records: [Buffer.alloc(byteCount, 7)] }];
  return { acks: 1, timeoutMs: 1000, topicData: [{ name: 't', partitionData }] };
}

function setUp(listener: 'tcp' | 'unix' = 'tcp') {
  const socket = new FakeSocket();
  const clock = new ManualClock();
  const budget = new ByteBudget(64 << 20);
  const unsent = new UnsentAnswers(clock);
  const taken: Taken[] = [];
  const refusals: string[] = [];
  const limits = connectionLimits(new EffectiveSettings(brokerSettings({}), () => new Map(), 1));
  let closedCount = 0;
  const connection = new Connection({
    socket,
    listener,
    principal: 'User:test',
    connectionId: 1,
    clock,
    pool: new SlabPool(),
    budget,
    unsent,
    limits: () => limits,
    handle: (route, _version, _message, context) => {
      const { promise, resolve, reject } = deferred<Reply>();
      taken.push({ apiKey: route.api.key, context, answer: resolve, fail: reject });
      return promise;
    },
    onRefused: (_, reason) => refusals.push(reason),
    onFault: (what) => refusals.push(what),
    onClosed: () => {
      closedCount += 1;
    },
  });
  connection.start();
  return { socket, clock, budget, unsent, taken, refusals, connection, closedCount: () => closedCount };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('connection: order', () => {
  it('dispatches at once and answers in the order of the requests', async () => {
    const { socket, taken } = setUp();
    for (const correlationId of [1, 2, 3]) socket.request(DescribeCluster, 0, correlationId, {});
    assert.equal(taken.length, 3);
    taken[2]?.answer({ message: CLUSTER });
    taken[1]?.answer({ message: CLUSTER });
    await settle();
    assert.deepEqual(socket.correlationIds(), []);
    taken[0]?.answer({ message: CLUSTER });
    await settle();
    assert.deepEqual(socket.correlationIds(), [1, 2, 3]);
  });

  it('takes frames that arrive in any pieces', async () => {
    const { socket, taken } = setUp();
    const bytes = Buffer.concat([1, 2].map((id) => frameOf(DescribeCluster, 0, id, {})));
    for (const byte of bytes) socket.receive(Buffer.from([byte]));
    assert.equal(taken.length, 2);
  });

  it('takes the next request only when the one before has let go', async () => {
    const { socket, taken } = setUp();
    const appended = deferred<void>();
    const bytes = Buffer.concat([1, 2].map((id) => frameOf(Produce, 9, id, produceOf(10))));
    // The handler holds while it is called, before the second frame is looked at.
    const push = taken.push.bind(taken);
    taken.push = (...items) => {
      if (taken.length === 0) items[0]?.context.hold(appended.promise);
      return push(...items);
    };
    socket.receive(bytes);
    assert.equal(taken.length, 1);
    assert.equal(socket.isPaused, true);
    appended.resolve();
    await settle();
    assert.equal(taken.length, 2);
    assert.equal(socket.isPaused, false);
  });
});

describe('connection: long answers', () => {
  const ask = (socket: FakeSocket, id: number): boolean => socket.request(Metadata, 12, id, { topics: null });

  it('are made one at a time, whatever is sent in one go', async () => {
    const { socket, taken } = setUp();
    for (const id of [1, 2, 3]) ask(socket, id);
    await settle();
    assert.deepEqual([taken.length, socket.isPaused], [1, true]);
  });

  it('wait while the answers of all lie unread, but for the owner of the directory', async () => {
    for (const [listener, takenCount] of [
      ['tcp', 0],
      ['unix', 1],
    ] as const) {
      const { socket, taken, unsent } = setUp(listener);
      unsent.add(257 << 20);
      ask(socket, 1);
      await settle();
      assert.equal(taken.length, takenCount);
      socket.request(Produce, 9, 2, produceOf(10));
      unsent.add(-(2 << 20));
      await settle();
      assert.equal(taken[0]?.apiKey, 3);
      taken[0]?.answer({ message: EMPTY_METADATA });
      await settle();
      assert.deepEqual(socket.correlationIds(), [1]);
    }
  });

  it('count until they are read or lost', async () => {
    const { socket, taken, unsent } = setUp();
    socket.isReading = false;
    ask(socket, 1);
    taken[0]?.answer({ message: EMPTY_METADATA });
    await settle();
    unsent.add(256 << 20);
    assert.equal(unsent.isTooMuch, true);
    socket.destroy();
    assert.equal(unsent.isTooMuch, false);
  });

  it('are not made for who is gone meanwhile', async () => {
    const { socket, taken, unsent } = setUp();
    unsent.add(257 << 20);
    ask(socket, 1);
    socket.destroy();
    unsent.add(-(257 << 20));
    await settle();
    assert.equal(taken.length, 0);
  });
});

describe('connection: memory', () => {
  it('gives the bytes of a decoded request back at once, those of a Produce when nobody needs them', async () => {
    const { socket, taken, budget } = setUp();
    socket.request(DescribeCluster, 0, 1, {});
    assert.equal(budget.usedBytes, 0);
    socket.request(Produce, 9, 2, produceOf(1000));
    assert.ok(budget.usedBytes > 1000);
    const written = deferred<void>();
    taken[1]?.context.retain(written.promise);
    taken[1]?.answer({ message: undefined });
    await settle();
    assert.ok(budget.usedBytes > 1000);
    written.reject(new Error('a failed write frees the bytes too'));
    await settle();
    assert.equal(budget.usedBytes, 0);
  });

  it('stops reading at 100 requests in work', async () => {
    const { socket, taken } = setUp();
    let sentCount = 0;
    while (!socket.isPaused && sentCount < 200) socket.request(DescribeCluster, 0, sentCount++, {});
    assert.equal(sentCount, 100);
    taken[0]?.answer({ message: CLUSTER });
    await settle();
    assert.equal(socket.isPaused, false);
  });

  it('stops reading while a request is in work that is large when decoded', async () => {
    const { socket, taken } = setUp();
    const many = { topics: Array.from({ length: 150_000 }, () => ({ name: 'topicname' })) };
    socket.request(Metadata, 4, 1, many);
    assert.equal(taken.length, 1);
    assert.equal(socket.isPaused, true);
    taken[0]?.answer({ message: EMPTY_METADATA });
    await settle();
    assert.equal(socket.isPaused, false);
  });

  it('stops reading while more than 4 MiB of answers wait for the peer, and gives buffers back as they go out', async () => {
    const { socket, taken } = setUp();
    socket.isReading = false;
    let releasedCount = 0;
    socket.request(Fetch, 11, 1, { maxWaitMs: 0, minBytes: 0, topics: [] });
    taken[0]?.answer({
      message: fetchAnswer(Buffer.alloc(5 << 20)),
      release: () => {
        releasedCount += 1;
      },
    });
    await settle();
    assert.equal(socket.isPaused, true);
    assert.ok(socket.pendingBytes <= 512 << 10, 'the socket gets a piece at a time');
    assert.equal(releasedCount, 0);
    for (let piece = 0; piece < 11; piece++) socket.drain();
    assert.equal(releasedCount, 1);
    assert.equal(socket.isPaused, false);
    assert.equal(socket.answer(Fetch, 11, 0).responses[0]?.partitions[0]?.records?.[0]?.length, 5 << 20);
  });

  it('releases answers that nobody gets', async () => {
    const { socket, taken, connection, closedCount } = setUp();
    const released: number[] = [];
    for (const id of [0, 1, 2]) socket.request(Fetch, 11, id, { maxWaitMs: 0, minBytes: 0, topics: [] });
    const answer = (id: number): void =>
      taken[id]?.answer({ message: fetchAnswer(Buffer.alloc(10)), release: () => released.push(id) });
    socket.isReading = false;
    answer(0);
    answer(2);
    await settle();
    connection.destroy();
    answer(1);
    await settle();
    assert.deepEqual(released.sort(), [0, 1, 2]);
    assert.equal(closedCount(), 1);
  });
});

describe('connection: the end', () => {
  it('gives no answer where there is none, and closes after the answers before when told to', async () => {
    const { socket, taken } = setUp();
    for (const id of [1, 2, 3]) socket.request(DescribeCluster, 0, id, {});
    taken[1]?.answer({ message: undefined, closeConnection: true });
    taken[2]?.answer({ message: CLUSTER });
    await settle();
    assert.equal(socket.hasEnded, false);
    taken[0]?.answer({ message: CLUSTER });
    await settle();
    assert.deepEqual(socket.correlationIds(), [1]);
    assert.equal(socket.hasEnded, true);
  });

  it('answers what it took when it is closed, and tells waits that the client goes', async () => {
    const { socket, taken, connection, closedCount } = setUp();
    socket.request(DescribeCluster, 0, 1, {});
    const { departure } = taken[0]?.context ?? {};
    connection.close();
    assert.equal(departure?.isGone, true);
    assert.equal(socket.isPaused, true);
    assert.equal(closedCount(), 0);
    taken[0]?.answer({ message: CLUSTER });
    await settle();
    assert.deepEqual(socket.correlationIds(), [1]);
    assert.equal(closedCount(), 1);
  });

  it('closes without an answer when the broker has stopped', async () => {
    const { socket, taken, refusals } = setUp();
    socket.request(DescribeCluster, 0, 1, {});
    taken[0]?.fail(new BrokerStopped('stopped'));
    await settle();
    assert.equal(socket.hasEnded, true);
    assert.deepEqual(socket.correlationIds(), []);
    assert.deepEqual(refusals, []);
  });

  const metadata = frameOf(DescribeCluster, 0, 1, {});
  const withVersion = (version: number): Buffer => {
    const frame = Buffer.from(metadata);
    frame.writeInt16BE(version, 6);
    return frame;
  };
  for (const [what, bytes] of [
    ['an unknown API', frameOf(HandOver, 0, 1, { successor: '', command: '' })],
    ['a version that is not served', withVersion(99)],
    [
      'a body that is cut short',
      Buffer.concat([Buffer.from([0, 0, 0, metadata.length - 5]), metadata.subarray(4, -1)]),
    ],
    ['a negative length', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ] as const) {
    it(`closes without an answer on ${what}`, async () => {
      const { socket, taken, refusals, budget } = setUp();
      socket.receive(bytes);
      await settle();
      assert.equal(taken.length, 0);
      assert.equal(socket.hasEnded, true);
      assert.deepEqual(socket.correlationIds(), []);
      assert.equal(refusals.length, 1);
      assert.equal(budget.usedBytes, 0);
    });
  }

  it('answers private requests on the directory’s socket', () => {
    const { socket, taken } = setUp('unix');
    socket.request(HandOver, 0, 1, { successor: '', command: '' });
    assert.equal(taken.length, 1);
  });

  it('answers a too new ApiVersions in version 0, with the versions there are', async () => {
    const { socket, taken } = setUp();
    const frame = frameOf(ApiVersions, 3, 7, { clientSoftwareName: 'a', clientSoftwareVersion: '1' });
    frame.writeInt16BE(9, 6);
    socket.receive(frame);
    await settle();
    assert.equal(taken.length, 0);
    const answer = socket.answer(ApiVersions, 0, 0);
    assert.equal(answer.errorCode, 35);
    assert.deepEqual(answer.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }]);
    assert.equal(socket.hasEnded, false);
  });
});

describe('connection: patience', () => {
  it('ends with a first frame that does not come', () => {
    const { connection, clock } = setUp();
    clock.advance(9_000);
    assert.equal(connection.lateness(clock.monotonicMs()), undefined);
    clock.advance(2_000);
    assert.equal(connection.lateness(clock.monotonicMs()), 'first-frame');
  });

  it('ends with a frame that trickles', () => {
    const { connection, clock, socket } = setUp();
    const frame = frameOf(DescribeCluster, 0, 1, {});
    socket.receive(frame);
    for (let index = 0; index < 5; index += 1) {
      clock.advance(7_000);
      socket.receive(frame.subarray(index, index + 1));
    }
    assert.equal(connection.lateness(clock.monotonicMs()), undefined);
    clock.advance(4_000);
    assert.equal(connection.lateness(clock.monotonicMs()), 'frame');
  });

  it('ends with a peer that does not read its answer', async () => {
    const { connection, clock, socket, taken } = setUp();
    socket.isReading = false;
    socket.request(DescribeCluster, 0, 1, {});
    clock.advance(1_000_000);
    taken[0]?.answer({ message: CLUSTER });
    await settle();
    assert.equal(connection.lateness(clock.monotonicMs()), undefined);
    clock.advance(61_000);
    assert.equal(connection.lateness(clock.monotonicMs()), 'stalled');
  });

  it('ends with idleness, but not of a request in work, nor of a command on this host', async () => {
    for (const listener of ['tcp', 'unix'] as const) {
      const { connection, clock, socket, taken } = setUp(listener);
      socket.request(DescribeCluster, 0, 1, {});
      clock.advance(700_000);
      assert.equal(connection.lateness(clock.monotonicMs()), undefined);
      taken[0]?.answer({ message: CLUSTER });
      await settle();
      clock.advance(599_000);
      assert.equal(connection.lateness(clock.monotonicMs()), undefined);
      clock.advance(2_000);
      assert.equal(connection.lateness(clock.monotonicMs()), listener === 'tcp' ? 'idle' : undefined);
    }
  });
});
