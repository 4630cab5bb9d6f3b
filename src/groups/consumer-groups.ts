/** The KIP-848 groups of one shard: none can be made yet. */
import type { ConsumerGroupHeartbeat } from '../protocol/apis/68-consumer-group-heartbeat.ts';
import type { ConsumerGroupDescribe } from '../protocol/apis/69-consumer-group-describe.ts';
import { KafkaError } from '../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../protocol/schema.ts';
import type { Call } from './call.ts';
import type { GroupHost, Now } from './group-host.ts';
import type { GroupKind } from './group-kind.ts';

export class ConsumerGroups implements GroupKind {
  readonly #host: GroupHost;

  constructor(host: GroupHost) {
    this.#host = host;
  }

  heartbeat(
    call: Call<ResponseOf<typeof ConsumerGroupHeartbeat>>,
    _request: RequestOf<typeof ConsumerGroupHeartbeat>,
    _now: Now,
  ): void {
    this.#host.fail(call, new KafkaError('UNSUPPORTED_VERSION'));
  }

  describe(groupId: string): ResponseOf<typeof ConsumerGroupDescribe>['groups'][number] {
    throw new KafkaError('GROUP_ID_NOT_FOUND', groupId);
  }

  replay(): void {}
  forget(): void {}
  has(_groupId: string): boolean {
    return false;
  }
  groupIds(): Iterable<string> {
    return [];
  }
  isEmpty(): boolean {
    return true;
  }
  stateOf(): string {
    return 'Empty';
  }
  protocolTypeOf(): string {
    return 'consumer';
  }
  isSubscribed(): boolean {
    return false;
  }
  checkCommit(): void {}
  committed(): void {}
  checkFetch(): void {}
  remove(): void {}
  retentionStartMs(): undefined {}
  memberGone(): void {}
  loaded(_now: Now): void {}
  topicsChanged(_now: Now): void {}
  parked(): Iterable<Call<never>> {
    return [];
  }
  liveBytes(): number {
    return 0;
  }
}
