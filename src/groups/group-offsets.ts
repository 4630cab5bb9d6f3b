/**
 * The committed offsets of one shard: who may commit, read and delete them, and when they go by themselves. A group of offsets alone, a
 * "simple" one, has no record of its own: it is there as long as it has offsets. Source: Kafka's OffsetMetadataManager.java.
 */
import { KafkaError } from '../protocol/errors.ts';
import { CONSUMER_PROTOCOL_TYPE } from '../protocol/group/consumer-protocol.ts';
import type { Call } from './call.ts';
import type { GroupHost, Now } from './group-host.ts';
import type { GroupKind } from './group-kind.ts';
import {
  type CommitRequest,
  type CommitResult,
  type FetchedGroup,
  type FetchGroup,
  type OffsetDeleteRequest,
  type OffsetDeleteResponse,
  planCommit,
  planDelete,
  readOffsets,
} from './offset-requests.ts';
import {
  type CommittedOffset,
  isStale,
  NO_EXPIRY,
  type OffsetRecord,
  OffsetStore,
  offsetTombstones,
} from './offset-store.ts';

export interface GroupOffsetsOptions {
  readonly host: GroupHost;
  /** As `GroupHost.push`, for as many as there are. */
  readonly push: (records: readonly OffsetRecord[]) => void;
  /** The kind that a group is of; undefined: none, or offsets alone. */
  readonly find: (groupId: string) => GroupKind | undefined;
  /** As `GroupHost.schedule`, for a turn that runs next and is isolated. */
  readonly soon: (key: string, run: (now: Now) => void) => void;
}

export class GroupOffsets {
  readonly #options: GroupOffsetsOptions;
  readonly #store = new OffsetStore();

  constructor(options: GroupOffsetsOptions) {
    this.#options = options;
  }

  replay(record: OffsetRecord): void {
    this.#store.replay(record);
  }

  has(groupId: string): boolean {
    return this.#store.has(groupId);
  }

  groupIds(): Iterable<string> {
    return this.#store.groupIds();
  }

  /** @throws KafkaError by who commits: ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH, ... */
  commit(call: Call<readonly CommitResult[]>, request: CommitRequest, now: Now): void {
    const { host, find, push } = this.#options;
    const { groupId, who } = request;
    const kind = find(groupId);
    if (kind !== undefined) kind.checkCommit(groupId, who);
    else if (who.generationOrEpoch >= 0) throw this.#missingForCommit(groupId, who.apiVersion);
    const { records, results } = planCommit(request, host.settings.offsetMetadataMaxBytes, now.wallMs);
    kind?.committed(groupId, who, call.caller, now);
    push(records);
    host.answer(call, results);
  }

  /** A group that is not there has no offsets; that is no error. @throws KafkaError by who reads */
  fetch(call: Call<FetchedGroup>, request: FetchGroup): void {
    const { host, find } = this.#options;
    find(request.groupId)?.checkFetch(request.groupId, request.who);
    host.answer(call, readOffsets(request, this.#store.of(request.groupId), host.topics));
  }

  /** @throws KafkaError GROUP_ID_NOT_FOUND, or NON_EMPTY_GROUP where members do not say what they subscribe to. */
  delete(call: Call<OffsetDeleteResponse>, request: OffsetDeleteRequest): void {
    const { host, find, push } = this.#options;
    const { groupId } = request;
    const kind = find(groupId);
    if (kind === undefined && !this.has(groupId)) throw groupNotFound(groupId);
    const hasMembers = kind?.isEmpty(groupId) === false;
    if (hasMembers && kind.protocolTypeOf(groupId) !== CONSUMER_PROTOCOL_TYPE) throw new KafkaError('NON_EMPTY_GROUP');
    const { records, response } = planDelete(
      request,
      this.#store.of(groupId),
      (topic) => kind?.isSubscribed(groupId, topic) ?? false,
    );
    push(records);
    host.answer(call, response);
  }

  /** Pushes the tombstones of all that the group has. */
  deleteAll(groupId: string): void {
    this.#bury(groupId, () => true);
  }

  /** Offsets of topics that are gone, or are others of the same name by now, go: a turn for each group that has some. */
  dropStale(): void {
    const { topics } = this.#options.host;
    this.#burySoon('stale', (topic, offset) => isStale(topics, topic, offset));
  }

  /** As `dropStale`, for topics that were just deleted: offsets that do not say which topic they are of go by its name. */
  dropDeleted(deleted: readonly { readonly name: string; readonly topicId: string }[]): void {
    const { topics } = this.#options.host;
    const ids = new Map(deleted.map(({ name, topicId }) => [name, topicId]));
    if (ids.size === 0) return;
    this.#burySoon('deleted', (topic, { topicId }) => {
      if (!ids.has(topic)) return false;
      return ids.get(topic) === topicId || topics.byName(topic)?.topicId !== topicId;
    });
  }

  /** Pushes tombstones for what nobody has committed for too long, and for a group that has neither offsets nor members then. */
  expire(groupId: string, { wallMs }: Now): void {
    const { host, find } = this.#options;
    const kind = find(groupId);
    const isExpired = (topic: string, offset: CommittedOffset): boolean => {
      if (kind?.isSubscribed(groupId, topic) === true) return false;
      const commitMs = Number(offset.commitTimestamp);
      const startMs = kind === undefined ? commitMs : kind.retentionStartMs(groupId, commitMs);
      if (startMs === undefined) return false;
      if (offset.expireTimestamp !== NO_EXPIRY) return wallMs >= Number(offset.expireTimestamp);
      return wallMs - startMs >= host.settings.offsetsRetentionMs;
    };
    const expired = this.#bury(groupId, isExpired);
    if (kind?.isEmpty(groupId) === true && expired === this.#store.countOf(groupId)) kind.remove(groupId);
  }

  #burySoon(why: string, isMeant: (topic: string, offset: CommittedOffset) => boolean): void {
    for (const groupId of this.#store.groupIds()) {
      if (!this.#store.some(groupId, isMeant)) continue;
      this.#options.soon(`${why}-offsets:${groupId}`, () => this.#bury(groupId, isMeant));
    }
  }

  /** Answers how many tombstones were pushed. */
  #bury(groupId: string, isMeant: (topic: string, offset: CommittedOffset) => boolean): number {
    const tombstones = offsetTombstones(groupId, this.#store.of(groupId), isMeant);
    this.#options.push(tombstones);
    return tombstones.length;
  }

  /** Before v9 clients know no error for a group that is not there. */
  #missingForCommit(groupId: string, apiVersion: number): KafkaError {
    if (this.has(groupId)) return new KafkaError('UNKNOWN_MEMBER_ID');
    return apiVersion >= GROUP_NOT_FOUND_SINCE ? groupNotFound(groupId) : new KafkaError('ILLEGAL_GENERATION');
  }
}

const GROUP_NOT_FOUND_SINCE = 9;

export function groupNotFound(groupId: string): KafkaError {
  return new KafkaError('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`);
}
