import assert from 'node:assert/strict';
import { checkInSync } from '../../src/broker/in-sync.ts';

describe('broker: in-sync replicas before an append', () => {
  it('counts against what is configured, and at most against the replicas that there are', () => {
    for (const [replicas, isr, minimum, isEnough] of [
      [[1], [1], 1, true],
      [[1], [1], 2, true],
      [[1, 2], [1, 2], 3, true],
      [[1, 2, 3], [1, 2], 2, true],
      [[1, 2, 3], [1], 2, false],
      [[1, 2], [1], 5, false],
    ] as const) {
      const check = (): void => checkInSync({ replicas, isr }, minimum);
      if (isEnough) check();
      else assert.throws(check, { errorName: 'NOT_ENOUGH_REPLICAS' });
    }
  });
});
