import assert from 'node:assert/strict';
import { listenForInterruption } from '../../src/cli/interrupt.ts';
import { fakeHost } from './fake-host.ts';

describe('signals', () => {
  it('the first one aborts and leaves its exit status', () => {
    const host = fakeHost();
    const interruption = listenForInterruption(host);
    assert.equal(interruption.exitCode, undefined);
    host.signal('SIGTERM');
    assert.equal(interruption.signal.aborted, true);
    assert.equal(interruption.exitCode, 143);
    assert.deepEqual(host.exits, []);
    interruption.close();
  });

  it('the second one ends the process at once, but for the same one that came two ways', () => {
    let nowMs = 1_000;
    const host = fakeHost({ clock: { monotonicMs: () => nowMs } });
    const interruption = listenForInterruption(host);
    host.signal('SIGINT');
    nowMs += 3;
    host.signal('SIGINT');
    assert.deepEqual(host.exits, []);
    nowMs += 100;
    host.signal('SIGINT');
    assert.deepEqual(host.exits, [130]);
    interruption.close();
  });

  /** A host whose clock keeps the last timer that was set and not cancelled. */
  function withTimer() {
    const set: { current: { delayMs: number; action: () => void } | undefined } = { current: undefined };
    const timer = (delayMs: number, action: () => void) => {
      set.current = { delayMs, action };
      const cancel = () => {
        set.current = undefined;
      };
      return { cancel };
    };
    return { host: fakeHost({ clock: { timer } }), set };
  }

  it('work that does not end within the grace is left, and that is said; the broker is still handed over', async () => {
    const { host, set } = withTimer();
    const interruption = listenForInterruption(host);
    let handOver: () => void = () => undefined;
    interruption.begin(
      () =>
        new Promise((resolve) => {
          handOver = resolve;
        }),
    );
    host.signal('SIGHUP');
    assert.equal(set.current?.delayMs, 10_000);
    set.current?.action();
    assert.equal(host.notes.length, 1);
    assert.deepEqual(host.exits, []);
    handOver();
    await new Promise(setImmediate);
    assert.deepEqual(host.exits, [129]);
    interruption.close();
    assert.equal(set.current, undefined);
  });

  it('a hand-over that hangs or fails gets no longer than two seconds', async () => {
    const hanging = withTimer();
    const first = listenForInterruption(hanging.host);
    first.begin(() => new Promise(() => undefined));
    hanging.host.signal('SIGINT');
    hanging.set.current?.action();
    assert.equal(hanging.set.current?.delayMs, 2_000);
    hanging.set.current?.action();
    assert.deepEqual(hanging.host.exits, [130]);
    first.close();

    const failing = withTimer();
    const second = listenForInterruption(failing.host);
    second.begin(() => Promise.reject(new Error('no disk')));
    failing.host.signal('SIGINT');
    failing.set.current?.action();
    await new Promise(setImmediate);
    assert.deepEqual(failing.host.exits, [130]);
    second.close();
  });

  describe('abandonable work', () => {
    const endless = () => new Promise<string>(() => undefined);

    it('is left at the signal, and not begun after one', async () => {
      const host = fakeHost();
      const interruption = listenForInterruption(host);
      const result = interruption.abandonable(endless);
      host.signal('SIGTERM');
      assert.equal(await result, undefined);
      assert.equal(await interruption.abandonable(async () => assert.fail('must not begin')), undefined);
      interruption.close();
    });

    it('is brought to its end from `commit` on', async () => {
      const host = fakeHost();
      const interruption = listenForInterruption(host);
      let end: (value: string) => void = () => undefined;
      const result = interruption.abandonable(
        () =>
          new Promise<string>((resolve) => {
            end = resolve;
          }),
      );
      interruption.commit();
      host.signal('SIGTERM');
      await new Promise(setImmediate);
      end('done');
      assert.equal(await result, 'done');
      interruption.close();
    });
  });

  it('before there is any work, a second is enough', () => {
    const { host, set } = withTimer();
    const interruption = listenForInterruption(host);
    host.signal('SIGINT');
    assert.equal(set.current?.delayMs, 1_000);
    set.current?.action();
    assert.deepEqual(host.exits, [130]);
    assert.deepEqual(host.notes, []);
    interruption.begin(async () => undefined);
    assert.equal(set.current?.delayMs, 10_000, 'what was opened meanwhile is finished in good order');
    interruption.close();
  });

  it('mean nothing to a command that has closed', () => {
    const host = fakeHost();
    listenForInterruption(host).close();
    host.signal('SIGINT');
    host.signal('SIGINT');
    assert.deepEqual(host.exits, []);
  });

  it('a stop from within acts alike', () => {
    const interruption = listenForInterruption(fakeHost());
    interruption.stop(141);
    assert.equal(interruption.signal.aborted, true);
    assert.equal(interruption.exitCode, 141);
    interruption.close();
  });
});
