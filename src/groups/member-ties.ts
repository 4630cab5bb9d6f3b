/** Which connection stands for which member (of the directory's own clients): when it ends, the member is gone. */
import type { Caller } from './call.ts';
import { memberKey } from './member-key.ts';

export interface TiedMember {
  readonly groupId: string;
  readonly memberId: string;
}

export class MemberTies {
  readonly #connections = new Map<string, number>();
  readonly #members = new Map<number, Map<string, TiedMember>>();

  /** The newest call counts; one by a caller whose end says nothing unties. */
  tie(groupId: string, memberId: string, caller: Caller): void {
    const key = memberKey(groupId, memberId);
    const { connectionId } = caller;
    if (this.#connections.get(key) === connectionId) return;
    this.#remove(key);
    if (connectionId === undefined) return;
    this.#connections.set(key, connectionId);
    const members = this.#members.get(connectionId) ?? new Map<string, TiedMember>();
    this.#members.set(connectionId, members.set(key, { groupId, memberId }));
  }

  untie(groupId: string, memberId: string): void {
    this.#remove(memberKey(groupId, memberId));
  }

  isTied(groupId: string, memberId: string, connectionId: number): boolean {
    return this.#connections.get(memberKey(groupId, memberId)) === connectionId;
  }

  membersOf(connectionId: number): readonly TiedMember[] {
    return [...(this.#members.get(connectionId)?.values() ?? [])];
  }

  #remove(key: string): void {
    const connectionId = this.#connections.get(key);
    if (connectionId === undefined) return;
    this.#connections.delete(key);
    const members = this.#members.get(connectionId);
    members?.delete(key);
    if (members?.size === 0) this.#members.delete(connectionId);
  }
}
