/** What raw clients of groups were told of committed offsets: each is a register, whose values are all different. */
import type { World } from '../sim-world.ts';

/** One OffsetCommit of one partition. Places in time are numbers of a count over all that clients did. */
export interface Commit {
  readonly value: number;
  readonly sentAt: number;
  /** Infinity as long as it may still come to something. */
  endedAt: number;
  outcome: 'unknown' | 'acked' | 'refused';
}

export class CommitRegister {
  readonly #world: World;
  #time = 0;
  #nextValue = 0;
  readonly #commits = new Map<string, Commit[]>();

  constructor(world: World) {
    this.#world = world;
  }

  now(): number {
    return ++this.#time;
  }

  /** A commit of an offset that nobody committed before is on its way. `place`: group and partition. */
  begin(place: string): Commit {
    const commit: Commit = { value: this.#nextValue++, sentAt: this.now(), endedAt: Infinity, outcome: 'unknown' };
    const commits = this.#commits.get(place);
    if (commits === undefined) this.#commits.set(place, [commit]);
    else commits.push(commit);
    return commit;
  }

  end(commit: Commit, outcome: 'acked' | 'refused'): void {
    commit.outcome = outcome;
    commit.endedAt = this.now();
  }

  /** I-23: an OffsetFetch that was sent at `sentAt` answered this offset. */
  fetched(place: string, offset: number, sentAt: number, by: string): void {
    const commits = this.#commits.get(place) ?? [];
    const found = commits.find(({ value }) => value === offset);
    if (offset >= 0 && found === undefined) {
      this.#world.violate('I-23', `${by} was shown ${offset} for ${place}, which nobody committed`);
      return;
    }
    if (found?.outcome === 'refused') {
      this.#world.violate('I-24', `${by} was shown ${offset} for ${place}, a commit that was refused`);
      return;
    }
    const foundEndedAt = found?.endedAt ?? 0;
    const newer = commits.find(
      ({ outcome, endedAt, sentAt: at }) => outcome === 'acked' && endedAt < sentAt && foundEndedAt < at,
    );
    if (newer === undefined) return;
    this.#world.violate('I-23', `${by} was shown ${offset} for ${place}, after ${newer.value} was acked`);
  }
}
