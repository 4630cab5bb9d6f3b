/** The topics that a group reads, looked up when one is not known, or not any more. */
import type { Env } from '../kernel/env.ts';
import { Metadata } from '../protocol/apis/03-metadata.ts';
import { call } from './call.ts';
import { Deadline } from './deadline.ts';
import { describeTopicsByName, type TopicDescription, topicsRequest } from './metadata.ts';
import { ANY_NODE, type Transport } from './transport.ts';

export class TopicLookUp {
  /** What the member reads, each once. */
  readonly names: readonly string[];
  readonly #env: Env;
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  #known: readonly TopicDescription[] = [];

  constructor(names: readonly string[], env: Env, transport: Transport, timeoutMs: number) {
    this.names = [...new Set(names)];
    this.#env = env;
    this.#transport = transport;
    this.#timeoutMs = timeoutMs;
  }

  /** As they were when last looked up. */
  get known(): readonly TopicDescription[] {
    return this.#known;
  }

  /** Throws `ClientError` `not-found` for one that is not there. */
  async refresh(): Promise<readonly TopicDescription[]> {
    this.#known = await describeTopicsByName(this.#caller(), this.names);
    return this.#known;
  }

  named(name: string): TopicDescription | undefined {
    return this.#known.find((topic) => topic.name === name);
  }

  withId(topicId: string): TopicDescription | undefined {
    return this.#known.find((topic) => topic.topicId === topicId);
  }

  /** How many partitions each has, 0 where it is not there. For topics of other members too. Throws `ClientError`. */
  async partitionCounts(names: readonly string[]): Promise<Map<string, number>> {
    const { topics } = await call(this.#caller(), ANY_NODE, Metadata, topicsRequest(names));
    const found = new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
    return new Map(names.map((name) => [name, found.get(name) ?? 0]));
  }

  #caller() {
    return { env: this.#env, transport: this.#transport, deadline: new Deadline(this.#env.clock, this.#timeoutMs) };
  }
}
