/**
 * An idempotent producer without a client core, that does what cores never do: sends batches again that were acked long ago,
 * leaves gaps in its sequence, and keeps several batches on their way. It knows the offset of each of its records, so that
 * what was acked can be judged value by value.
 */
import { ANY_NODE, type Transport } from '../../../src/client/transport.ts';
import { Produce } from '../../../src/protocol/apis/00-produce.ts';
import { InitProducerId } from '../../../src/protocol/apis/22-init-producer-id.ts';
import { errorCode } from '../../../src/protocol/errors.ts';
import { batchOf } from '../../log/batches.ts';
import type { SimMachine, SimProgram } from '../sim-machine.ts';
import type { World } from '../sim-world.ts';
import { isUnanswered, spawnClient } from './admin.ts';
import { TOPIC } from './commands.ts';
import { isDefinite } from './definite-errors.ts';
import type { Seen } from './ledger.ts';

/** The last version that names topics. */
const PRODUCE_VERSION = 12;
const REQUEST_MS = 5000;
/** A broker knows so many batches of a producer. */
const WINDOW_BATCHES = 5;
const OUT_OF_ORDER = errorCode('OUT_OF_ORDER_SEQUENCE_NUMBER');
const DUPLICATE = errorCode('DUPLICATE_SEQUENCE_NUMBER');

/** What raw producers were told, over all of them. */
export class RawLedger {
  readonly #world: World;
  /** `partition:offset` -> value */
  readonly #acked = new Map<string, string>();
  /** Values of batches that were refused for good. */
  readonly #refused = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  acked(partition: number, baseOffset: number, values: readonly string[]): void {
    for (const [at, value] of values.entries()) this.#acked.set(`${partition}:${baseOffset + at}`, value);
  }

  refused(values: readonly string[]): void {
    for (const value of values) this.#refused.add(value);
  }

  get ackedCount(): number {
    return this.#acked.size;
  }

  /** `log`: per partition, in order, from the log's start on. */
  judge(log: readonly (readonly Seen[])[]): void {
    for (const [partition, records] of log.entries()) this.#judgePartition(partition, records);
    const starts = log.map((records) => records[0]?.offset ?? 0);
    for (const [place, value] of this.#acked) {
      const [partition = 0, offset = 0] = place.split(':').map(Number);
      const start = starts[partition] ?? 0;
      const found = log[partition]?.[offset - start]?.value;
      if (offset < start || found === value) continue;
      const rule = found === undefined ? 'I-1' : 'I-2';
      this.#world.violate(rule, `${value} was acked at ${place}, where ${found ?? 'nothing'} is`);
      return;
    }
  }

  #judgePartition(partition: number, records: readonly Seen[]): void {
    const newest = new Map<string, number>();
    for (const { offset, value } of records) {
      if (this.#refused.has(value)) {
        this.#world.violate('I-6', `${value} is at ${partition}:${offset}, and was refused for good`);
        return;
      }
      const [producer = '', number = ''] = value.split(':');
      const before = newest.get(producer) ?? -1;
      if (Number(number) > before) newest.set(producer, Number(number));
      else {
        const rule = Number(number) === before ? 'I-5' : 'I-4';
        this.#world.violate(rule, `${value} at ${partition}:${offset} after number ${before}`);
        return;
      }
    }
  }
}

export interface RawPlan {
  readonly partition: number;
  readonly batchCount: number;
  readonly restMs: number;
  /** Whether the broker must know the last five batches, or as retention may take them, the last one only. */
  readonly wholeWindow: boolean;
}

/** `onAnswer` is called for each answer. */
export function produceRaw(
  machine: SimMachine,
  ledger: RawLedger,
  name: string,
  plan: RawPlan,
  onAnswer: () => void,
): SimProgram {
  return spawnClient(machine, name, async (transport, program) => {
    const producer = new RawProducer(transport, program, ledger, name, plan, onAnswer);
    program.env.proc.onSignal('SIGTERM', () => producer.stop());
    await producer.run();
    return 0;
  });
}

interface Batch {
  readonly sequence: number;
  readonly values: readonly string[];
}

interface Acked extends Batch {
  readonly baseOffset: number;
}

type Answer = { readonly code: number; readonly baseOffset: number } | 'none';

class RawProducer {
  readonly #transport: Transport;
  readonly #program: SimProgram;
  readonly #ledger: RawLedger;
  readonly #name: string;
  readonly #plan: RawPlan;
  readonly #onAnswer: () => void;
  #isOver = false;
  #producerId = -1n;
  #sequence = 0;
  /** So that each record has a value of its own, and later ones have larger numbers. */
  #number = 0;
  #recent: Acked[] = [];

  constructor(
    transport: Transport,
    program: SimProgram,
    ledger: RawLedger,
    name: string,
    plan: RawPlan,
    onAnswer: () => void,
  ) {
    this.#transport = transport;
    this.#program = program;
    this.#ledger = ledger;
    this.#name = name;
    this.#plan = plan;
    this.#onAnswer = onAnswer;
  }

  stop(): void {
    this.#isOver = true;
  }

  async run(): Promise<void> {
    while (this.#producerId < 0n && !this.#isOver) await this.#askForId();
    for (let sent = 0; sent < this.#plan.batchCount && !this.#isOver; ) {
      const draw = this.#fraction();
      if (draw < 0.2) await this.#sendAgain();
      else if (draw < 0.3) await this.#sendBehindGap();
      // Of a producer that it does not know a broker takes any sequence first: so the first batch goes out alone.
      else sent += await this.#sendNew(this.#sequence > 0 && draw < 0.6 ? 1 + Math.floor(this.#fraction() * 4) : 1);
      await this.#rest(this.#plan.restMs);
    }
  }

  #fraction(): number {
    return this.#program.env.random.fraction();
  }

  #rest(ms: number): Promise<void> {
    return this.#program.env.clock.sleep(ms * this.#fraction());
  }

  #violate(rule: string, text: string): void {
    if (!this.#program.process.isDead) this.#program.process.world.violate(rule, `${this.#name}: ${text}`);
  }

  #next(sequence: number): Batch {
    const count = 1 + Math.floor(this.#fraction() * 3);
    const padding = '.'.repeat(Math.floor(this.#fraction() * 120));
    return { sequence, values: Array.from({ length: count }, () => `${this.#name}:${this.#number++}:${padding}`) };
  }

  /** New batches, all on their way at once; answers how many. Does not return before each is acked or refused for good. */
  async #sendNew(count: number): Promise<number> {
    const batches: Batch[] = [];
    let sequence = this.#sequence;
    for (let at = 0; at < count; at++) {
      const batch = this.#next(sequence);
      sequence += batch.values.length;
      batches.push(batch);
    }
    const answers = await Promise.all(batches.map((batch) => this.#send(batch)));
    for (const [at, batch] of batches.entries()) {
      const answer = answers[at] ?? 'none';
      const followsAcked = answers.slice(0, at).every((before) => before !== 'none' && before.code === 0);
      if (answer !== 'none' && answer.code === OUT_OF_ORDER && followsAcked) {
        this.#violate('I-4', `sequence ${batch.sequence} is out of order, right after what was acked`);
      }
      if (!(await this.#settle(batch, answer))) break;
    }
    return count;
  }

  /** Sends until it is acked; false when it was refused, or the end came first. The next batch then takes its sequence. */
  async #settle(batch: Batch, first: Answer): Promise<boolean> {
    for (let answer = first; ; answer = await this.#send(batch)) {
      if (answer !== 'none' && answer.code === 0) {
        this.#ledger.acked(this.#plan.partition, answer.baseOffset, batch.values);
        this.#recent = [...this.#recent, { ...batch, baseOffset: answer.baseOffset }].slice(-WINDOW_BATCHES);
        this.#sequence = batch.sequence + batch.values.length;
        return true;
      }
      if (answer !== 'none' && isDefinite(answer.code) && answer.code !== OUT_OF_ORDER) {
        this.#ledger.refused(batch.values);
        return false;
      }
      if (this.#isOver) return false;
      await this.#rest(300);
    }
  }

  /** A batch that was acked comes again: it gets the answer that it had. */
  async #sendAgain(): Promise<void> {
    const { wholeWindow } = this.#plan;
    const known = wholeWindow ? this.#recent : this.#recent.slice(-1);
    const batch = known[Math.floor(this.#fraction() * known.length)];
    if (batch === undefined) return;
    const answer = await this.#send(batch);
    if (answer === 'none') return;
    const { code, baseOffset } = answer;
    if (code === 0 && baseOffset !== batch.baseOffset) {
      this.#violate('I-5', `sequence ${batch.sequence} was acked at ${batch.baseOffset}, and then at ${baseOffset}`);
    }
    if (code === OUT_OF_ORDER || code === DUPLICATE) {
      this.#violate('I-5', `sequence ${batch.sequence}, one of the last, is not known any more (error ${code})`);
    }
  }

  /** A batch whose predecessor was never sent. */
  async #sendBehindGap(): Promise<void> {
    if (this.#recent.length === 0) return;
    const batch = this.#next(this.#sequence + 1 + Math.floor(this.#fraction() * 3));
    const answer = await this.#send(batch);
    if (answer === 'none') return;
    if (isDefinite(answer.code)) this.#ledger.refused(batch.values);
    if (answer.code === 0) this.#violate('I-4', `sequence ${batch.sequence} was taken where ${this.#sequence} is next`);
  }

  async #send({ sequence, values }: Batch): Promise<Answer> {
    const { partition } = this.#plan;
    const timestamp = BigInt(this.#program.env.clock.wallMs());
    const records = [batchOf(values, { producerId: this.#producerId, sequence, timestamp })];
    const topicData = [
      { name: TOPIC, topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partitionData: [{ index: partition, records }] },
    ];
    try {
      const message = { transactionalId: null, acks: -1, timeoutMs: REQUEST_MS, topicData };
      const reply = await this.#transport.request(ANY_NODE, Produce, PRODUCE_VERSION, message, REQUEST_MS);
      const answer = reply.message.responses[0]?.partitionResponses[0];
      reply.release();
      if (answer === undefined) return 'none';
      this.#onAnswer();
      return { code: answer.errorCode, baseOffset: Number(answer.baseOffset) };
    } catch (error) {
      if (isUnanswered(error)) return 'none';
      throw error;
    }
  }

  async #askForId(): Promise<void> {
    try {
      const message = { transactionalId: null, transactionTimeoutMs: 0, producerId: -1n, producerEpoch: -1 };
      const reply = await this.#transport.request(ANY_NODE, InitProducerId, 5, message, REQUEST_MS);
      reply.release();
      if (reply.message.errorCode === 0) this.#producerId = reply.message.producerId;
    } catch (error) {
      if (!isUnanswered(error)) throw error;
    }
    await this.#rest(100);
  }
}
