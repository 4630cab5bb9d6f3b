/** What the tests of the consumer share: a broker in memory, a virtual clock and an output that is looked at. */
import assert from 'node:assert/strict';
import { type ConsumeOptions, type ConsumeOutput, type ConsumeSummary, consume } from '../../src/client/consumer.ts';
import { dataBatch } from './batches.ts';
import { FakeBroker, type FakeTopic } from './fake-broker.ts';
import { testEnv, VirtualClock } from './test-env.ts';

export const OPTIONS: ConsumeOptions = {
  topics: ['t'],
  start: { kind: 'earliest' },
  exitAtEnd: true,
  isolation: 'read_committed',
  delimiter: Buffer.from('\n'),
  timeoutMs: 30_000,
};

export class Collected implements ConsumeOutput {
  readonly chunks: Buffer[] = [];
  isBusy = false;
  /** Called with what was written so far. */
  onWrite: (text: string) => Promise<void> | void = () => undefined;

  async write(bytes: Uint8Array): Promise<void> {
    assert.ok(!this.isBusy, 'one write at a time');
    this.isBusy = true;
    this.chunks.push(Buffer.from(bytes));
    await this.onWrite(this.text);
    this.isBusy = false;
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }
}

export interface Scene {
  readonly clock: VirtualClock;
  readonly broker: FakeBroker;
  readonly output: Collected;
  add(name: string, partitions?: number): FakeTopic;
  read(options?: Partial<ConsumeOptions>): Promise<ConsumeSummary>;
}

export function scene(seed = 1): Scene {
  const clock = new VirtualClock();
  const env = testEnv({ clock, seed });
  const broker = new FakeBroker(env);
  const output = new Collected();
  return {
    clock,
    broker,
    output,
    add: (name, partitions = 1) => broker.addTopic(name, { partitions }),
    read: (options = {}) => clock.run(consume(env, broker, { ...OPTIONS, ...options }, output)),
  };
}

export function put(topic: FakeTopic, values: readonly (string | null)[], partition = 0, more: object = {}): void {
  topic.logs[partition]?.store(
    dataBatch(
      values.map((value) => ({ value })),
      more,
    ),
    values.length,
  );
}
