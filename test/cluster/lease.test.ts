import assert from 'node:assert/strict';
import { LEASE_MS, Lease } from '../../src/cluster/lease.ts';
import type { Clock } from '../../src/kernel/env.ts';

class Clocks {
  monotonic = 1000;
  wall = 1_000_000;
  confirmed = 1000;
  readonly clock: Clock = {
    monotonicMs: () => this.monotonic,
    wallMs: () => this.wall,
    timer: () => assert.fail(),
    sleep: () => assert.fail(),
    soon: () => assert.fail(),
  };
  readonly lease = new Lease(this.clock, () => this.confirmed);

  pass(ms: number): void {
    this.monotonic += ms;
    this.wall += ms;
  }
}

describe('cluster: lease', () => {
  it('holds while the heartbeat is younger than 0.6 of the stale time', () => {
    const at = new Clocks();
    at.pass(LEASE_MS - 1);
    assert.equal(at.lease.isHeld(), true);
    at.pass(1);
    assert.equal(at.lease.isHeld(), false);
  });

  it('once lapsed, a heartbeat alone does not bring it back; reading the log does', () => {
    const at = new Clocks();
    at.pass(LEASE_MS);
    assert.equal(at.lease.isHeld(), false);
    at.confirmed = at.monotonic;
    assert.equal(at.lease.isHeld(), false);
    assert.equal(at.lease.isFresh(), true);
    at.lease.confirmByLog();
    assert.equal(at.lease.isHeld(), true);
  });

  it('a suspended machine, seen by the wall clock, needs a heartbeat from after it', () => {
    const at = new Clocks();
    at.pass(100);
    at.wall += 60_000;
    assert.equal(at.lease.isHeld(), false);
    at.lease.confirmByLog();
    at.pass(10);
    assert.equal(at.lease.isFresh(), false, 'the heartbeat is from before');
    at.confirmed = at.monotonic;
    assert.equal(at.lease.isFresh(), true);
  });

  it('a wall clock that is set back, or drifts, changes nothing', () => {
    const at = new Clocks();
    at.wall -= 3_600_000;
    assert.equal(at.lease.isHeld(), true);
    for (let turn = 0; turn < 100; turn++) {
      at.pass(10);
      at.wall += 10;
      assert.equal(at.lease.isHeld(), true);
    }
  });

  it('is not held while the lock is lost', () => {
    const at = new Clocks();
    at.confirmed = Number.NEGATIVE_INFINITY;
    assert.equal(at.lease.isHeld(), false);
  });
});
