import assert from 'node:assert/strict';
import { AssertionError } from '../../src/kernel/assert.ts';
import {
  type CaseRow,
  decide,
  durablePointOf,
  endOfDamaged,
  holds,
  logStartOf,
  OPEN_CASES,
  type OpenFacts,
  planReplay,
  START_CASES,
  type StartFacts,
  suspectOffset,
  TAIL_CASES,
  type TailFacts,
} from '../../src/log/recovery-cases.ts';

const MIB = 1024 * 1024;

/** Every value that each fact can have. */
type Values<F> = { readonly [K in keyof F]: readonly F[K][] };

const OPEN_VALUES: Values<OpenFacts> = {
  segments: ['none', 'late', 'some'],
  promised: [false, true],
  marker: [false, true],
  record: ['none', 'damaged', 'line'],
  sameFiles: [false, true],
  epochs: [false, true],
};
const TAIL_VALUES: Values<TailFacts> = {
  bytes: ['end', 'bad'],
  next: ['none', 'continues', 'hole'],
  place: ['beforeDurable', 'pastDurable'],
  follows: [false, true],
};
const START_VALUES: Values<StartFacts> = {
  end: ['belowStart', 'atOrAboveStart'],
  durablePoint: ['aboveStart', 'notAboveStart'],
};

function crossProduct<F extends object>(values: Values<F>): F[] {
  let all: Partial<F>[] = [{}];
  for (const key in values) {
    all = all.flatMap((facts) => values[key].map((value: unknown) => ({ ...facts, [key]: value })));
  }
  return all as F[];
}

function describeTable<F extends object, D extends string>(
  title: string,
  rows: readonly CaseRow<F, D>[],
  values: Values<F>,
  expected: Readonly<Record<string, D>>,
): void {
  describe(`log: recovery cases, ${title}`, () => {
    const all = crossProduct(values);
    for (const row of rows) {
      const [id = ''] = row.name.split(' ');
      it(`${row.name}: ${row.answer}`, () => {
        const met = all.filter((facts) => holds(row.when, facts));
        assert.ok(met.length > 0);
        for (const facts of met) assert.equal(decide(rows, facts), expected[id], JSON.stringify(facts));
      });
    }

    it('every combination of facts meets exactly one row', () => {
      for (const facts of all) {
        const met = rows.filter(({ when }) => holds(when, facts)).map(({ name }) => name);
        assert.equal(met.length, 1, `${JSON.stringify(facts)}: ${met.join(', ')}`);
      }
    });

    it('every row is told what it answers', () => {
      assert.deepEqual(rows.map(({ name }) => name.split(' ')[0]).sort(), Object.keys(expected).sort());
    });
  });
}

describeTable('whole partition', OPEN_CASES, OPEN_VALUES, {
  O0: 'damage',
  O0b: 'damage',
  O1: 'fresh',
  O2: 'recover',
  O3: 'recover',
  O3b: 'recover',
  O4: 'recover',
  O5: 'recover',
  O6: 'trust',
});

describeTable('tail', TAIL_CASES, TAIL_VALUES, {
  T0: 'goOn',
  T1: 'keep',
  T2: 'damage',
  T2b: 'setAside',
  T2c: 'cut',
  T3: 'cut',
  T3b: 'setAside',
  T4: 'cut',
  T5: 'setAside',
  T6: 'damage',
  T7: 'damage',
});

describeTable('start', START_CASES, START_VALUES, { S1: 'keep', S2: 'empty', S3: 'damage' });

describe('log: recovery cases', () => {
  it('nothing is cut or emptied before the durable point but a tail before a segment that continues', () => {
    for (const facts of crossProduct(TAIL_VALUES)) {
      if (facts.place === 'pastDurable' || facts.next === 'continues') continue;
      assert.equal(decide(TAIL_CASES, facts), 'damage');
    }
  });

  it('nothing with a batch in it is cut without a copy', () => {
    for (const facts of crossProduct(TAIL_VALUES)) {
      if (facts.follows) assert.notEqual(decide(TAIL_CASES, facts), 'cut');
    }
  });

  it('facts that no row knows are a mistake of the program', () => {
    assert.throws(() => decide(START_CASES.slice(1), { end: 'atOrAboveStart', durablePoint: 'aboveStart' }), {
      name: AssertionError.name,
    });
  });

  const bases = [0, 100, 200, 300, 400, 500];
  for (const [what, facts, expected] of [
    ['the recovery point', { recoveryPoint: 450, closedEnd: 120 }, 450],
    ['the end at the last close', { recoveryPoint: 20, closedEnd: 520 }, 520],
    ['the segment before those that may wait for their sync', { recoveryPoint: 20, closedEnd: undefined }, 100],
  ] as const) {
    it(`the durable point is ${what} where that is the highest`, () => {
      assert.equal(durablePointOf({ ...facts, bases, unsyncedCountMax: 4 }), expected);
    });
  }

  it('few segments may all wait for their sync, but the first began where the log was known to', () => {
    const facts = { recoveryPoint: 0, closedEnd: undefined, unsyncedCountMax: 4 };
    assert.equal(durablePointOf({ ...facts, bases: [7, 100] }), 7);
    assert.equal(durablePointOf({ ...facts, bases: [] }), 0);
  });

  for (const [what, facts, expected] of [
    ['0 without a word', {}, { offset: 0, believed: false }],
    ['of the line', { closed: 5 }, { offset: 5, believed: false }],
    ['of our file, when that is newer', { closed: 5, state: 'whole', offset: 9 }, { offset: 9, believed: false }],
    ['of the line, when our file is stale', { closed: 5, state: 'whole', offset: 3 }, { offset: 5, believed: false }],
    ['not of the checkpoint while ours is whole', { state: 'whole', checkpoint: 50 }, { offset: 0, believed: false }],
    ['of the checkpoint without ours', { closed: 5, checkpoint: 50 }, { offset: 50, believed: true }],
    ['of the first segment with ours broken', { state: 'broken', firstBase: 40 }, { offset: 40, believed: true }],
  ] as const) {
    it(`the log start is ${what}`, () => {
      const none = { closed: undefined, state: 'absent', offset: undefined, checkpoint: undefined } as const;
      assert.deepEqual(logStartOf({ ...none, firstBase: undefined, ...facts }), expected);
    });
  }

  for (const [what, facts, expected] of [
    ['where it was known to be on the disk', { damagedAt: 5, durablePoint: 50, lastBase: 40 }, 50],
    ['at the least where its last segment begins', { damagedAt: 5, durablePoint: 20, lastBase: 40 }, 40],
    ['beyond the damage in any case', { damagedAt: 5, durablePoint: 2, lastBase: 0 }, 6],
  ] as const) {
    it(`a damaged log ends ${what}`, () => assert.equal(endOfDamaged(facts), expected));
  }

  for (const [what, closed, expected] of [
    ['nothing without a close', undefined, undefined],
    ['nothing where all are there', { segments: [10, 20, 30] }, undefined],
    ['nothing of those that retention deleted', { segments: [0, 10, 20, 30] }, undefined],
    ['a segment that is gone', { segments: [10, 15, 20, 30] }, 15],
    ['damage that is known', { segments: [10, 20, 30], damagedAt: 12 }, 12],
    ['damage at offset 0', { segments: [10, 20, 30], damagedAt: 0 }, 0],
    ['the first of both', { segments: [10, 15, 20, 30], damagedAt: 12 }, 12],
    ['the first of both, the other way', { segments: [10, 15, 20, 30], damagedAt: 25 }, 15],
  ] as const) {
    it(`suspect is ${what}`, () => {
      const line = closed && {
        ...closed,
        segments: closed.segments.map((baseOffset) => ({ baseOffset })),
      };
      assert.equal(suspectOffset([10, 20, 30], line), expected);
    });
  }

  const segments = [0, 100, 200, 300].map((baseOffset) => ({ baseOffset, logBytes: 100 * MIB }));

  it('walks from the segment of the durable point or, for the producers, 256 MiB before the end', () => {
    const facts = { segments, durablePoint: 350, closedEnd: undefined, hasEpochs: true, suspect: undefined };
    assert.deepEqual(planReplay(facts), { firstIndex: 1, producersFrom: 1 });
    assert.deepEqual(planReplay({ ...facts, durablePoint: 50 }), { firstIndex: 0, producersFrom: 1 });
  });

  it('walks from a close record that is newer than that', () => {
    const facts = { segments, durablePoint: 350, closedEnd: 320, hasEpochs: true, suspect: undefined };
    assert.deepEqual(planReplay(facts), { firstIndex: 3, producersFrom: 'record' });
    assert.deepEqual(planReplay({ ...facts, closedEnd: 20 }), { firstIndex: 1, producersFrom: 1 });
  });

  it('walks from the segment before an empty one', () => {
    const facts = { durablePoint: 350, closedEnd: 320, hasEpochs: true, suspect: undefined };
    const withEmpty = segments.map((segment) => (segment.baseOffset === 200 ? { ...segment, logBytes: 0 } : segment));
    assert.deepEqual(planReplay({ ...facts, segments: withEmpty }), { firstIndex: 1, producersFrom: 'record' });
  });

  it('walks from the segment before one that is gone, and where damage was found', () => {
    const facts = { segments, durablePoint: 350, closedEnd: 320, hasEpochs: true, suspect: 150 };
    assert.deepEqual(planReplay(facts), { firstIndex: 1, producersFrom: 'record' });
  });

  it('walks everything when the leader epochs are to be found', () => {
    const facts = { segments, durablePoint: 350, closedEnd: 320, hasEpochs: false, suspect: undefined };
    assert.deepEqual(planReplay(facts), { firstIndex: 0, producersFrom: 'record' });
  });
});
