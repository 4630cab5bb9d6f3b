/** Answers a request partition by partition, for APIs in which each has an error code of its own. */

import { type Failure, failureOf } from './failure.ts';
import type { LoopTurns } from './loop-turns.ts';
import type { BrokerServices } from './services.ts';

/**
 * What `ask` answers for each of `asked`, in the same order and one after the other; what it throws becomes the answer that
 * `failed` makes of it. Others get their turn in between: `turns` is the request's, over all its topics.
 */
export async function answerEach<Asked, Answer>(
  { env }: BrokerServices,
  asked: readonly Asked[],
  ask: (one: Asked) => Answer | Promise<Answer>,
  failed: (one: Asked, failure: Failure) => Answer,
  turns: LoopTurns,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const one of asked) {
    if (turns.isDue()) await turns.next();
    try {
      answers.push(await ask(one));
    } catch (error) {
      answers.push(failed(one, failureOf(env.log, error)));
    }
  }
  return answers;
}
