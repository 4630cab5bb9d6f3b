import assert from 'node:assert/strict';
import { Deadlines } from '../../src/broker/deadlines.ts';
import { Departure } from '../../src/broker/departure.ts';
import { Purgatory, type Watched } from '../../src/broker/purgatory.ts';
import { ManualClock } from './manual-clock.ts';

class FakeLog implements Watched {
  readonly listeners = new Set<() => void>();

  onAdvanced(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  advance(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

function setUp() {
  const clock = new ManualClock();
  const purgatory = new Purgatory(new Deadlines(clock));
  const logs = [new FakeLog(), new FakeLog()];
  const state = { ready: false };
  const gone = new Departure();
  const wait = (connectionId = 1, partitionCount = 2) => {
    const isReady = () => state.ready;
    return purgatory.wait({ logs, timeoutMs: 500, isReady, departure: gone, connectionId, partitionCount });
  };
  const isLeft = (): boolean => purgatory.waitingCount > 0 || logs.some(({ listeners }) => listeners.size > 0);
  return { clock, purgatory, logs, state, gone, wait, isLeft };
}

describe('purgatory', () => {
  it('ends a wait when a log has moved far enough, not before', async () => {
    const { logs, state, wait, isLeft, purgatory } = setUp();
    const waiting = wait();
    logs[0]?.advance();
    assert.equal(purgatory.waitingCount, 1);
    state.ready = true;
    logs[1]?.advance();
    logs[0]?.advance();
    assert.equal(await waiting, 'ready');
    assert.equal(isLeft(), false);
  });

  it('lets no more wait than there is room for, but each connection for a few partitions', async () => {
    const { clock, wait, isLeft } = setUp();
    const waiting = [wait(1, 400_000), wait(1, 400_000), wait(2, 200_000)];
    assert.equal(await wait(3, 1001), 'full');
    assert.equal(await wait(1, 1), 'full');
    waiting.push(wait(3, 1000));
    assert.equal(await wait(3, 1), 'full');
    clock.advance(510);
    for (const each of waiting) assert.equal(await each, 'expired');
    assert.equal(isLeft(), false);
    const next = wait(3, 1_000_000);
    clock.advance(510);
    assert.equal(await next, 'expired');
  });

  it('ends a wait at its deadline', async () => {
    const { clock, wait, isLeft } = setUp();
    const waiting = wait();
    clock.advance(510);
    assert.equal(await waiting, 'expired');
    assert.equal(isLeft(), false);
  });

  it('ends a wait when the client is gone', async () => {
    const { gone, wait, isLeft } = setUp();
    const waiting = wait();
    gone.announce();
    assert.equal(await waiting, 'stopped');
    assert.equal(isLeft(), false);
    assert.equal(await wait(), 'stopped');
  });

  it('ends all waits when it stops, and later ones at once', async () => {
    const { purgatory, wait, isLeft } = setUp();
    const waits = [wait(), wait()];
    purgatory.stop();
    assert.deepEqual(await Promise.all(waits), ['stopped', 'stopped']);
    assert.equal(await wait(), 'stopped');
    assert.equal(isLeft(), false);
  });

  it('has many waits of one connection without a warning', async () => {
    const { purgatory, wait } = setUp();
    const warnings: unknown[] = [];
    const onWarning = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const waits = Array.from({ length: 100 }, wait);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    purgatory.stop();
    await Promise.all(waits);
    assert.deepEqual(warnings, []);
  });
});
