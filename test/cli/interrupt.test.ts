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

  it('work that does not end within the grace is left', () => {
    let expire: () => void = () => undefined;
    const host = fakeHost({
      clock: {
        timer(_delayMs, action) {
          expire = action;
          return { cancel: () => undefined };
        },
      },
    });
    const interruption = listenForInterruption(host);
    host.signal('SIGHUP');
    expire();
    assert.deepEqual(host.exits, [129]);
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
