/**
 * Dynamic members that came by the directory, known from the log alone: their process may have died with the broker before us. They
 * are heard of with their first call, or removed.
 */
import type { GroupRecord } from '../protocol/group/group-record.ts';
import { memberKey } from './member-key.ts';
import type { TiedMember } from './member-ties.ts';

/** The client hosts of members by directory, as `Caller.clientHost` draws them. */
const EMBEDDED = '/embedded-';
const BY_DIRECTORY = /^\/(?:unix|embedded-\d+)$/;

interface UnheardMember extends TiedMember {
  readonly clientHost: string;
}

export class UnheardMembers {
  readonly #members = new Map<string, UnheardMember>();
  /** Keys of a classic group's members, which come and go with one record. */
  readonly #classic = new Map<string, readonly string[]>();

  /** To be given each record that is loaded, in order. */
  noteLoaded(record: GroupRecord): void {
    if (record.kind === 'group-metadata') {
      for (const key of this.#classic.get(record.groupId) ?? []) this.#members.delete(key);
      this.#classic.delete(record.groupId);
      const members = record.value?.members ?? [];
      const keys = members.flatMap(({ memberId, groupInstanceId, clientHost }) =>
        groupInstanceId === null ? this.#add({ groupId: record.groupId, memberId, clientHost }) : [],
      );
      if (keys.length > 0) this.#classic.set(record.groupId, keys);
    } else if (record.kind === 'consumer-group-member-metadata') {
      const { groupId, memberId, value } = record;
      this.#members.delete(memberKey(groupId, memberId));
      if (value !== null && value.instanceId === null) this.#add({ groupId, memberId, clientHost: value.clientHost });
    }
  }

  heard(groupId: string, memberId: string): void {
    if (this.#members.size > 0) this.#members.delete(memberKey(groupId, memberId));
  }

  has(groupId: string, memberId: string): boolean {
    return this.#members.has(memberKey(groupId, memberId));
  }

  /** Those who lived in the process of the broker with this epoch; undefined: all that are left. */
  of(brokerEpoch: number | undefined): readonly TiedMember[] {
    const members = [...this.#members.values()];
    return brokerEpoch === undefined
      ? members
      : members.filter(({ clientHost }) => clientHost === `${EMBEDDED}${brokerEpoch}`);
  }

  #add(member: UnheardMember): string[] {
    if (!BY_DIRECTORY.test(member.clientHost)) return [];
    const key = memberKey(member.groupId, member.memberId);
    this.#members.set(key, member);
    return [key];
  }
}
