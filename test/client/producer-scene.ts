/** What the tests of the line producer share: a broker in memory, a virtual clock and inputs that come in pieces. */
import assert from 'node:assert/strict';
import { ProduceError } from '../../src/client/client-error.ts';
import { type LineInput, type ProduceOptions, produceLines } from '../../src/client/line-producer.ts';
import { Produce } from '../../src/protocol/apis/index.ts';
import type { RequestOf } from '../../src/protocol/schema.ts';
import { FakeBroker, type FakeTopic } from './fake-broker.ts';
import { testEnv, VirtualClock } from './test-env.ts';

export const OPTIONS: ProduceOptions = {
  topic: 't',
  delimiter: Buffer.from('\n'),
  codec: 'none',
  acks: -1,
  timeoutMs: 30_000,
};

export interface Scene {
  readonly clock: VirtualClock;
  readonly broker: FakeBroker;
  readonly topic: FakeTopic;
  readonly receipts: { lines: number; bytes: number }[];
  produce(inputs: LineInput[], options?: Partial<ProduceOptions>): ReturnType<typeof produceLines>;
}

export function scene(options: { seed?: number; partitions?: number; maxMessageBytes?: number } = {}): Scene {
  const clock = new VirtualClock();
  const env = testEnv({ clock, seed: options.seed ?? 1 });
  const broker = new FakeBroker(env);
  const topic = broker.addTopic('t', options);
  const receipts: { lines: number; bytes: number }[] = [];
  return {
    clock,
    broker,
    topic,
    receipts,
    produce: (inputs, more = {}) =>
      clock.run(
        produceLines(env, broker, { ...OPTIONS, ...more }, inputs, {
          onAcked: (lines, bytes) => receipts.push({ lines, bytes }),
        }),
      ),
  };
}

/** Gives the text in pieces of `pieceBytes` at most, each after `delayMs` (a function of the piece's number). */
export function input(
  text: string | Buffer,
  pieceBytes = Infinity,
  wait?: (piece: number) => Promise<void>,
): LineInput {
  const bytes = Buffer.from(text as string, 'latin1');
  let position = 0;
  let piece = 0;
  return {
    name: 'the input',
    read: async (target) => {
      await wait?.(piece++);
      const length = Math.min(target.length, pieceBytes, bytes.length - position);
      bytes.copy(target, 0, position, position + length);
      position += length;
      return length;
    },
  };
}

export function values(topic: FakeTopic, partition = 0): (string | null)[] {
  return topic.logs[partition]?.records().map((record) => record.value) ?? [];
}

export function produceRequests(broker: FakeBroker): RequestOf<typeof Produce>[] {
  return broker.requests
    .filter(({ api }) => api.key === Produce.key)
    .map(({ message }) => message as RequestOf<typeof Produce>);
}

export async function failure(work: Promise<unknown>): Promise<ProduceError> {
  const error = await work.then(
    () => assert.fail('it went well'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ProduceError, String(error));
  return error;
}
