/** Requests that are refused before any group is looked at: Kafka's GroupCoordinatorServiceTest.java (4.x). */
import assert from 'node:assert/strict';
import { ConsumerWorld } from './consumer-world.ts';

type Beat = Parameters<ConsumerWorld['beat']>[0];

describe('groups: KIP-848 heartbeats that say nothing sensible', () => {
  const join: Beat = { rebalanceTimeoutMs: 5000, subscribedTopicNames: ['foo'], owned: '' };
  const cases: readonly (readonly [string, Beat, string, number?])[] = [
    ['no member id, where the member makes it', { ...join, memberId: '' }, 'INVALID_REQUEST'],
    ['a blank member id', { ...join, memberId: ' ' }, 'INVALID_REQUEST'],
    ['no member id at an epoch, in v0', { memberId: '', memberEpoch: 1 }, 'INVALID_REQUEST', 0],
    ['leaving without a member id, in v0', { memberId: '', memberEpoch: -1 }, 'INVALID_REQUEST', 0],
    [
      'leaving for a while without a member id',
      { memberId: '', memberEpoch: -2, instanceId: 'i' },
      'INVALID_REQUEST',
      0,
    ],
    ['no group id', { ...join, groupId: '' }, 'INVALID_REQUEST'],
    ['a blank instance id', { ...join, instanceId: '' }, 'INVALID_REQUEST'],
    ['a blank rack', { ...join, rackId: '' }, 'INVALID_REQUEST'],
    ['joining without a rebalance timeout', { ...join, rebalanceTimeoutMs: -1 }, 'INVALID_REQUEST'],
    ['joining without saying that nothing is owned', { ...join, owned: null }, 'INVALID_REQUEST'],
    ['joining with partitions', { ...join, owned: 'foo:0' }, 'INVALID_REQUEST'],
    ['joining without a subscription', { ...join, subscribedTopicNames: null }, 'INVALID_REQUEST'],
    ['leaving for a while without an instance id', { memberEpoch: -2 }, 'INVALID_REQUEST'],
    ['an epoch that there is not', { memberEpoch: -3 }, 'INVALID_REQUEST'],
    ['an assignor that there is not', { ...join, serverAssignor: 'sticky' }, 'UNSUPPORTED_ASSIGNOR'],
    ['a regular expression', { ...join, subscribedTopicRegex: 'foo.*' }, 'INVALID_REGULAR_EXPRESSION'],
    [
      'a regular expression alone',
      { ...join, subscribedTopicNames: null, subscribedTopicRegex: 'f' },
      'INVALID_REGULAR_EXPRESSION',
    ],
  ];
  for (const [what, request, error, apiVersion = 1] of cases) {
    it(`${what}: ${error}`, () => {
      const world = new ConsumerWorld();
      assert.equal(world.beat(request, { apiVersion }).error, error);
      assert.equal(world.log.length, 0);
    });
  }

  it('an empty regular expression says that there is none', () => {
    const world = new ConsumerWorld();
    const joined = world.beat({ ...join, subscribedTopicRegex: '' }).value;
    assert.equal(world.format(joined.assignment?.topicPartitions), 'foo:0,1,2,3,4,5');
  });
});
