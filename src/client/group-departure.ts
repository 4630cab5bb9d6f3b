/** How a member goes: what it has read is committed, then it is no member any more. */
import type { Env } from '../kernel/env.ts';
import { Backoff } from './backoff.ts';
import type { Deadline } from './deadline.ts';
import type { CommitOutcome } from './group-member.ts';

export interface Departure {
  /** One attempt; undefined when there is nothing to commit. */
  readonly commit: (() => Promise<CommitOutcome>) | undefined;
  /** One attempt; answers whether it was heard. Never rejects. */
  readonly leave: () => Promise<boolean>;
  /** Whether the group has what was to be committed, from whomever. */
  readonly isCommitted: () => Promise<boolean>;
  readonly env: Pick<Env, 'clock' | 'random'>;
  readonly deadline: Deadline;
}

/**
 * Both go out together, in this order: one sync of the broker's log for them. Where that was not heard they go out again, one after
 * the other, until the deadline. A commit may be refused because the goodbye of the attempt before was heard, and only its answer was
 * lost; then the group is asked what it has.
 */
export async function depart(departure: Departure): Promise<CommitOutcome> {
  const { commit, leave, env, deadline } = departure;
  const backoff = new Backoff(env.random);
  const first = commit?.() ?? Promise.resolve<CommitOutcome>('done');
  const goodbye = leave();
  let outcome = await first;
  let isHeard = await goodbye;
  while (outcome === 'again' || !isHeard) {
    await env.clock.sleep(Math.min(backoff.nextMs(), deadline.remainingMs()));
    if (deadline.passed) return outcome;
    if (outcome === 'again') {
      outcome = (await commit?.()) ?? 'done';
      if (outcome === 'refused' && (await departure.isCommitted())) outcome = 'done';
      if (outcome === 'again') continue;
    }
    isHeard = await leave();
  }
  return outcome;
}
