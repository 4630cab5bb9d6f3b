/**
 * What raw members were told of whose turn it is. In a classic group: a generation is a number that only grows and gives each
 * partition to one member; of one instance the newest alone is a member. By KIP-848: a member has a partition from the answer that
 * gives it until it says that it let go of it, or is fenced.
 */
import type { World } from '../sim-world.ts';

/** One JoinGroup without a member id, of a static member. Places in time are numbers of a count over all that clients did. */
export interface InstanceJoin {
  readonly sentAt: number;
  /** Infinity as long as it may still come to something. */
  answeredAt: number;
  /** When it was known to have its part of a generation, which is in the log then. */
  assignedAt: number;
}

/** That a member had a partition: from the answer that told it to the sending of the last heartbeat that was answered well. */
export interface Hold {
  readonly owner: string;
  readonly from: number;
  to: number;
}

export class MembershipRegister {
  readonly #world: World;
  #time = 0;
  /** By group: the highest generation (epoch) that was shown to a member with its assignment. */
  readonly #generations = new Map<string, number>();
  readonly #owners = new Map<string, string>();
  /** By group, generation and owner. */
  readonly #parts = new Map<string, string>();
  readonly #joins = new Map<string, InstanceJoin[]>();
  readonly #holds = new Map<string, Hold[]>();

  constructor(world: World) {
    this.#world = world;
  }

  now(): number {
    return ++this.#time;
  }

  /** The highest generation of the group that is known to have been shown. */
  generationOf(groupId: string): number {
    return this.#generations.get(groupId) ?? -1;
  }

  /** I-22: a join that began when `known` was shown already was answered with this generation. */
  joined(groupId: string, generation: number, known: number, by: string): void {
    if (generation >= known) return;
    this.#world.violate('I-22', `${by} joined generation ${generation} of ${groupId}, after ${known} was shown`);
  }

  shown(groupId: string, generation: number): void {
    this.#generations.set(groupId, Math.max(this.generationOf(groupId), generation));
  }

  /** I-24: who has which partition in a generation. `owner`: the member, or its instance, which may come back as another member. */
  assigned(groupId: string, generation: number, owner: string, partitions: readonly number[]): void {
    this.shown(groupId, generation);
    const part = `${groupId}/${generation}/${owner}`;
    const [before, now] = [this.#parts.get(part), partitions.join()];
    this.#parts.set(part, now);
    if (before !== undefined && before !== now) this.#world.violate('I-24', `${part} got ${now}, and before ${before}`);
    for (const partition of partitions) {
      const key = `${groupId}/${generation}/${partition}`;
      const other = this.#owners.get(key);
      this.#owners.set(key, owner);
      if (other === undefined || other === owner) continue;
      this.#world.violate('I-24', `${owner} got ${key}, which ${other} has`);
    }
  }

  /** A process asks to be the instance from now on. */
  joins(groupId: string, instanceId: string): InstanceJoin {
    const join: InstanceJoin = { sentAt: this.now(), answeredAt: Infinity, assignedAt: Infinity };
    const key = `${groupId}/${instanceId}`;
    const joins = this.#joins.get(key);
    if (joins === undefined) this.#joins.set(key, [join]);
    else joins.push(join);
    return join;
  }

  /** Whether somebody who asked after `join` was answered is the instance by now. */
  isReplaced(groupId: string, instanceId: string, join: InstanceJoin): boolean {
    const joins = this.#joins.get(`${groupId}/${instanceId}`) ?? [];
    return joins.some((other) => other.sentAt > join.answeredAt && other.assignedAt !== Infinity);
  }

  /**
   * I-24: whoever joined is fenced only by one of its instance that may have come after it; or, before its part was in the log, by
   * the one in whose place it came: a coordinator that loads the log anew knows only that one, as Kafka's does after a fail-over.
   */
  fenced(groupId: string, instanceId: string, join: InstanceJoin, by: string): void {
    const others = (this.#joins.get(`${groupId}/${instanceId}`) ?? []).filter((other) => other !== join);
    if (others.some((other) => other.answeredAt > join.sentAt)) return;
    if (join.assignedAt === Infinity && others.some((other) => other.assignedAt !== Infinity)) return;
    this.#world.violate('I-24', `${by} was fenced as ${instanceId} of ${groupId}, and nobody else is that`);
  }

  /** The member was told just now that it has the partition. */
  given(place: string, owner: string): Hold {
    const from = this.now();
    const hold: Hold = { owner, from, to: from };
    const holds = this.#holds.get(place);
    if (holds === undefined) this.#holds.set(place, [hold]);
    else holds.push(hold);
    return hold;
  }

  /** I-24: the member still had it when it sent, at `sentAt`, a heartbeat that was answered well. */
  stillHeld(place: string, hold: Hold, sentAt: number): void {
    hold.to = Math.max(hold.to, sentAt);
    const other = this.#holds.get(place)?.find(({ owner, from, to }) => {
      return owner !== hold.owner && from < hold.to && hold.from < to;
    });
    if (other !== undefined) this.#world.violate('I-24', `${hold.owner} and ${other.owner} have ${place} at one time`);
  }
}
