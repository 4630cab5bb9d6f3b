import assert from 'node:assert/strict';
import { brokerSettings, EffectiveSettings } from '../../src/broker/broker-settings.ts';
import { Connections } from '../../src/broker/connections.ts';
import type { Reply } from '../../src/broker/request.ts';
import type { Env } from '../../src/kernel/env.ts';
import { SlabPool } from '../../src/kernel/slab-pool.ts';
import { DescribeCluster, Fetch, Metadata } from '../../src/protocol/apis/index.ts';
import { FakeSocket } from './fake-socket.ts';
import { fetchAnswer } from './fetch-answer.ts';
import { ManualClock } from './manual-clock.ts';

const answerNever = () => new Promise<Reply>(() => undefined);

function setUp(...assignments: string[]) {
  return setUpWith(answerNever, assignments);
}

function setUpWith(handle: () => Promise<Reply>, assignments: readonly string[] = []) {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const warn = (message: string): void => void warnings.push(message);
  const log = { debug: () => undefined, info: () => undefined, warn, error: warn };
  const kept = new Map<string, string>();
  const settings = new EffectiveSettings(brokerSettings({ assignments }), () => new Map(kept), 1);
  const connections = new Connections({ clock, log } as Partial<Env> as Env, settings, {
    pool: new SlabPool(),
    handle,
    principalOf: () => 'User:test',
  });
  const accept = (remote = '10.0.0.1:1', listener: 'tcp' | 'unix' = 'tcp'): FakeSocket => {
    const socket = new FakeSocket(remote);
    connections.accept(socket, listener);
    return socket;
  };
  return { clock, warnings, connections, accept, kept };
}

describe('connections', () => {
  it('are at most max.connections', () => {
    const { connections, accept } = setUp('max.connections=2');
    const [first, , third] = [accept(), accept(), accept()];
    assert.deepEqual([first?.isDestroyed, third?.isDestroyed, connections.count], [false, true, 2]);
    first?.destroy();
    assert.equal(accept().isDestroyed, false);
    assert.equal(accept('unix', 'unix').isDestroyed, false, 'the owner of the directory is always let in');
  });

  it('of the owner on this host take nobody’s place, whichever the bound', () => {
    for (const bound of ['max.connections=1', 'max.connections.per.ip=1', 'max.connection.creation.rate=1']) {
      const { accept } = setUp(bound);
      const owners = [accept('unix', 'unix'), accept('unix', 'unix')];
      const [first, second] = [accept(), accept()];
      const destroyed = [...owners, first, second].map((socket) => socket?.isDestroyed);
      assert.deepEqual(destroyed, [false, false, false, true], bound);
      first?.destroy();
    }
  });

  it('obey limits that are altered while they are open', () => {
    const { clock, warnings, accept, kept } = setUp();
    const socket = accept();
    kept.set('streamctl.request.max.bytes', '1024').set('streamctl.first.frame.ms', '500');
    clock.advance(1001);
    assert.deepEqual([socket.isDestroyed, warnings.length], [true, 1], 'no first request within 500 ms');
    const next = accept();
    const frame = Buffer.alloc(4 + 1025);
    frame.writeInt32BE(1025);
    frame.writeInt16BE(3, 4);
    next.receive(frame.subarray(0, 8));
    assert.deepEqual([next.hasEnded, warnings.length], [true, 2], 'Metadata longer than 1024 bytes');
  });

  it('of a client whose id is longer than 1,024 characters are closed, and the id is not told', () => {
    const { warnings, accept } = setUp();
    const socket = accept();
    const header = Buffer.concat([
      Buffer.from([0, 3, 0, 8, 0, 0, 0, 1, 4, 1]),
      Buffer.alloc(1025, 'x'),
      Buffer.alloc(5),
    ]);
    const length = Buffer.alloc(4);
    length.writeInt32BE(header.length);
    socket.receive(Buffer.concat([length, header]));
    assert.equal(socket.hasEnded, true);
    assert.ok((warnings[0] ?? '').length < 100);
  });

  it('of the owner on this host are read although others fill the memory for requests with what they never finish', () => {
    const { accept } = setUp('queued.max.request.bytes=2097152');
    const begun = Buffer.alloc(8);
    begun.writeInt32BE(50 << 20);
    const [trickling, waiting, local] = [accept('10.0.0.1:1'), accept('10.0.0.1:2'), accept('unix', 'unix')];
    trickling?.receive(begun);
    waiting?.request(DescribeCluster, 0, 1, {});
    local?.request(DescribeCluster, 0, 1, {});
    assert.deepEqual([waiting?.isPaused, local?.isPaused], [true, false]);
  });

  it('that begin a long request and hardly send it give their memory to those that wait for it', () => {
    const { clock, accept, warnings } = setUp('queued.max.request.bytes=2097152');
    const begun = Buffer.alloc(8);
    begun.writeInt32BE(50 << 20);
    const [trickling, waiting] = [accept('10.0.0.1:1'), accept('10.0.0.1:2')];
    trickling.receive(begun);
    clock.advance(1001);
    assert.equal(trickling.isDestroyed, false, 'nobody waits');
    waiting.request(DescribeCluster, 0, 1, {});
    assert.equal(waiting.isPaused, true);
    clock.advance(2002);
    assert.deepEqual([trickling.isDestroyed, waiting.isDestroyed, warnings.length], [true, false, 1]);
  });

  it('that send a long request steadily are not cut off for it', () => {
    const { clock, accept } = setUp('queued.max.request.bytes=2097152');
    const begun = Buffer.alloc(8);
    begun.writeInt32BE(50 << 20);
    const [sending, waiting] = [accept('10.0.0.1:1'), accept('10.0.0.1:2')];
    sending.receive(begun);
    waiting.request(DescribeCluster, 0, 1, {});
    for (let second = 0; second < 5; second += 1) {
      sending.receive(Buffer.alloc(40_000));
      clock.advance(1001);
    }
    assert.deepEqual([sending.isDestroyed, waiting.isDestroyed], [false, false]);
  });

  it('are at most max.connections.per.ip from one address, whatever its port', () => {
    const { accept } = setUp('max.connections.per.ip=1');
    assert.equal(accept('[::1]:5').isDestroyed, false);
    assert.equal(accept('[::1]:6').isDestroyed, true);
    assert.equal(accept('10.0.0.1:6').isDestroyed, false);
    assert.equal(accept('unix', 'unix').isDestroyed, false);
    assert.equal(accept('unix', 'unix').isDestroyed, false);
  });

  it('come in at max.connection.creation.rate', () => {
    const { clock, accept } = setUp('max.connection.creation.rate=3');
    assert.deepEqual(
      [1, 2, 3, 4].map((port) => accept(`10.0.0.1:${port}`).isDestroyed),
      [false, false, false, true],
    );
    clock.advance(1001);
    assert.equal(accept().isDestroyed, false);
  });

  it('that keep the broker waiting are cut off, and the log is not flooded', () => {
    const { clock, connections, accept, warnings } = setUp();
    for (let port = 0; port < 20; port += 1) accept(`10.0.0.1:${port}`);
    clock.advance(12_000);
    assert.equal(connections.count, 0);
    assert.ok(warnings.length > 0 && warnings.length < 20, `${warnings.length} warnings`);
    clock.advance(2000);
    assert.equal(clock.pendingCount, 0, 'no timer without connections');
  });

  it('that leave the most unread are cut off when all of them together leave too much', async () => {
    const zeros = Buffer.alloc(100 << 20);
    const answers = [80, 100, 90].map((megabytes) => fetchAnswer(zeros.subarray(0, megabytes << 20)));
    const { clock, accept, connections, warnings } = setUpWith(async () => ({ message: answers.shift() }));
    const sockets = [1, 2, 3].map((port) => accept(`10.0.0.1:${port}`));
    for (const socket of sockets) {
      socket.isReading = false;
      socket.request(Fetch, 11, 1, { maxWaitMs: 0, minBytes: 0, topics: [] });
    }
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1001);
    assert.equal(connections.count, 3, 'they may be about to read');
    clock.advance(2000);
    assert.deepEqual(
      sockets.map(({ isDestroyed }) => isDestroyed),
      [false, true, false],
    );
    assert.equal(warnings.length, 1);
  });

  it('are closed within the time given', async () => {
    const { clock, connections, accept } = setUp();
    const [idle, busy] = [accept(), accept()];
    busy?.request(Metadata, 12, 1, { topics: null });
    const closing = connections.close(5000);
    assert.equal(idle?.hasEnded, true);
    assert.equal(busy?.hasEnded, false);
    clock.advance(5001);
    await closing;
    assert.equal(busy?.isDestroyed, true);
    assert.equal(connections.count, 0);
  });
});
