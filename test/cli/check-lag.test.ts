import assert from 'node:assert/strict';
import { parseThresholds } from '../../src/cli/check-lag.ts';
import { CliError } from '../../src/cli/cli-error.ts';
import { isWithin, type LagPartition, type LagSummary } from '../../src/cli/lag-summary.ts';

function summary(...partitions: Partial<LagPartition>[]): LagSummary {
  const rest = { groupId: 'g', type: 'classic', state: 'Empty', memberCount: 0, lag: 0, lagMs: 0, unknownCount: 0 };
  const place = { topic: 't', partition: 0, committedOffset: 5, logStartOffset: 0, logEndOffset: 5, lagMs: null };
  return { ...rest, partitions: partitions.map((own) => ({ ...place, lag: 0, problem: null, ...own })) };
}

describe('cli: check-lag', () => {
  it('a limit is a count or a time by its unit, and one of each', () => {
    assert.deepEqual(parseThresholds([], '--warn'), { records: undefined, ms: undefined });
    assert.deepEqual(parseThresholds(['10k'], '--warn'), { records: 10_000, ms: undefined });
    assert.deepEqual(parseThresholds(['0', '5m'], '--warn'), { records: 0, ms: 300_000 });
    for (const text of ['', '-1', '10M', '1.5', 'soon', '99999999999999999999']) {
      assert.throws(() => parseThresholds([text], '--warn'), CliError, text);
    }
  });

  it('nothing is left when every partition that is there is read, also those nobody has committed', () => {
    assert.ok(isWithin(summary({}, { problem: 'deleted', lag: null, logStartOffset: null }), 0));
    assert.ok(isWithin(summary({ lag: 3 }, { lag: 4 }), 7));
    assert.ok(!isWithin(summary({ lag: 3 }, { lag: 4 }), 6));
    assert.ok(!isWithin(summary({ lag: null, committedOffset: null }), 0));
    assert.ok(isWithin(summary({ lag: null, committedOffset: null, logStartOffset: 5 }), 0));
    assert.ok(!isWithin(summary({ problem: 'offline', logStartOffset: null, logEndOffset: null }), 0));
    assert.ok(!isWithin(summary(), 0));
  });
});
