import assert from 'node:assert/strict';
import type { BrokerRegistration } from '../../src/cluster/cluster-image.ts';
import { judgeOwner, LOCK_STALE_MS, OTHER_HOST_QUIET_MS, type OwnerFacts } from '../../src/cluster/owner-judgement.ts';
import { factsFrom, isSameProcess, type OwnerRecord } from '../../src/cluster/owner-record.ts';
import { FACTS } from './images.ts';

const REGISTERED: BrokerRegistration = {
  brokerId: 1,
  brokerEpoch: 5,
  incarnation: 'u',
  process: FACTS,
  command: 'produce',
  endpoints: [],
};
const RECORD: OwnerRecord = {
  brokerId: 1,
  brokerEpoch: 5,
  process: FACTS,
  command: 'produce',
  endpoints: [],
  socket: undefined,
  released: true,
  successor: undefined,
};
const LIVE: OwnerFacts = {
  registration: REGISTERED,
  owner: undefined,
  here: FACTS,
  verdict: 'alive',
  releasedHere: false,
};
const elsewhere = (process: Partial<typeof FACTS>): OwnerFacts => ({
  ...LIVE,
  verdict: 'unknown',
  registration: { ...REGISTERED, process: { ...FACTS, ...process } },
});

describe('cluster: judgement of an owner', () => {
  const cases: readonly (readonly [string, OwnerFacts, ReturnType<typeof judgeOwner>])[] = [
    ['nobody ever registered', { ...LIVE, registration: undefined }, { kind: 'free' }],
    ['a live process that said nothing yet', LIVE, { kind: 'alive' }],
    ['a live process that released', { ...LIVE, owner: RECORD }, { kind: 'free' }],
    [
      'a live process beside the record of an earlier one',
      { ...LIVE, owner: { ...RECORD, brokerEpoch: 4 } },
      { kind: 'alive' },
    ],
    ['a live process that serves', { ...LIVE, owner: { ...RECORD, released: false } }, { kind: 'alive' }],
    ['a process that is gone', { ...LIVE, verdict: 'dead' }, { kind: 'dead' }],
    ['this process, which released and could not write it down', { ...LIVE, releasedHere: true }, { kind: 'free' }],
    ['the same machine before its restart', elsewhere({ bootId: 'earlier' }), { kind: 'dead' }],
    [
      'another container',
      elsewhere({ pidNamespace: 'other', hostId: 'other' }),
      { kind: 'unknown', quietMs: LOCK_STALE_MS },
    ],
    ['another machine', elsewhere({ bootId: 'x', hostId: 'y' }), { kind: 'unknown', quietMs: OTHER_HOST_QUIET_MS }],
    ['a system that tells nothing', elsewhere({ bootId: undefined }), { kind: 'unknown', quietMs: LOCK_STALE_MS }],
    [
      'another system that tells nothing',
      elsewhere({ bootId: undefined, hostId: 'y' }),
      { kind: 'unknown', quietMs: OTHER_HOST_QUIET_MS },
    ],
  ];
  for (const [what, facts, expected] of cases) {
    it(`${what}: ${expected.kind}`, () => assert.deepEqual(judgeOwner(facts), expected));
  }

  it('facts that the system did not tell survive JSON', () => {
    const bare = { ...FACTS, bootId: undefined, startTime: undefined };
    const read = factsFrom(JSON.parse(JSON.stringify(bare)));
    assert.deepEqual(read, bare);
    assert.equal(isSameProcess(read, bare), true);
    assert.equal(isSameProcess(read, FACTS), false);
  });
});
