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

  it('the second one ends the process at once', () => {
    const host = fakeHost();
    const interruption = listenForInterruption(host);
    host.signal('SIGINT');
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

  it('work that does not end within the grace is left, and that is said', () => {
    const { host, set } = withTimer();
    const interruption = listenForInterruption(host);
    interruption.begin();
    host.signal('SIGHUP');
    assert.equal(set.current?.delayMs, 10_000);
    set.current?.action();
    assert.deepEqual(host.exits, [129]);
    assert.equal(host.notes.length, 1);
    interruption.close();
    assert.equal(set.current, undefined);
  });

  it('before there is any work, a second is enough', () => {
    const { host, set } = withTimer();
    const interruption = listenForInterruption(host);
    host.signal('SIGINT');
    assert.equal(set.current?.delayMs, 1_000);
    set.current?.action();
    assert.deepEqual(host.exits, [130]);
    assert.deepEqual(host.notes, []);
    interruption.begin();
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
