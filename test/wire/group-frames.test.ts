import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { JoinGroup, SyncGroup } from '../../src/protocol/apis/index.ts';
import { decodeRequest, decodeResponse, parseRequestHeader } from '../../src/protocol/codec.ts';
import { decodeConsumerAssignment, decodeConsumerSubscription } from '../../src/protocol/group/consumer-protocol.ts';
import type { AnyApi, RequestOf } from '../../src/protocol/schema.ts';

const FRAMES_DIRECTORY = new URL('./frames/', import.meta.url);

interface Recorded {
  readonly client: string;
  readonly version: number;
  readonly direction: string;
  readonly frame: Buffer;
}

function recorded(prefix: string): Recorded[] {
  return readdirSync(FRAMES_DIRECTORY)
    .filter((file) => file.startsWith(prefix))
    .flatMap((file) =>
      readFileSync(new URL(file, FRAMES_DIRECTORY), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => {
          const [version = '', direction = '', hex = ''] = line.split(' ');
          const frame = Buffer.from(hex, 'hex');
          return { client: file.split('.')[1]!, version: Number(version.slice(1)), direction, frame };
        }),
    );
}

function requestOf<A extends AnyApi>(api: A, { frame, version }: Recorded): RequestOf<A> {
  return decodeRequest(api, version, frame, parseRequestHeader(frame).bodyOffset);
}

describe('group frames of others: what members say to each other', () => {
  const joins = recorded('11-join-group');
  const syncs = recorded('14-sync-group');

  it('every subscription is understood', () => {
    const seen = new Set<string>();
    for (const join of joins) {
      const members =
        join.direction === 'request'
          ? requestOf(JoinGroup, join).protocols
          : decodeResponse(JoinGroup, join.version, join.frame).message.members;
      for (const { metadata } of members) {
        const subscription = decodeConsumerSubscription(metadata);
        assert.equal(subscription?.topics.length, 1, `${join.client} v${join.version}: ${metadata.toString('hex')}`);
        seen.add(`${join.client} v${subscription.version}`);
      }
    }
    assert.deepEqual([...seen].sort(), ['java v3', 'kafkajs v0', 'kcat v1']);
  });

  it('every assignment is understood', () => {
    const seen = new Set<string>();
    for (const sync of syncs) {
      const assignments =
        sync.direction === 'request'
          ? requestOf(SyncGroup, sync).assignments
          : [decodeResponse(SyncGroup, sync.version, sync.frame).message].filter(({ errorCode }) => errorCode === 0);
      for (const { assignment } of assignments) {
        const assigned = decodeConsumerAssignment(assignment);
        assert.ok(assigned, `${sync.client} v${sync.version}: ${assignment.toString('hex')}`);
        seen.add(`${sync.client} v${assigned.version}`);
      }
    }
    assert.deepEqual([...seen].sort(), ['java v3', 'kafkajs v0', 'kcat v0']);
  });
});
