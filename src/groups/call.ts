/** A request that one group is to answer, and who asks. Handlers split requests for many groups, and join the answers. */
import type { KafkaError } from '../protocol/errors.ts';

export interface Caller {
  readonly clientId: string;
  /** `/1.2.3.4` over TCP, `/unix` over the directory's socket, `/embedded-<broker epoch>` in the broker's own process. */
  readonly clientHost: string;
  /** A connection whose end is the end of its members; undefined where that says nothing: TCP, and the broker's own process. */
  readonly connectionId: number | undefined;
  readonly apiVersion: number;
}

/** `answer` or `fail` is called once, and by the shard alone: a group says both through its `GroupHost`. */
export interface Call<R> {
  readonly caller: Caller;
  answer(value: R): void;
  fail(error: KafkaError): void;
}
