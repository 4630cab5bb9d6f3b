/**
 * A producer whose values are numbered from 1 on, in batches that are sent five in flight and idempotently, and again after the
 * broker came back: what it was told of is known to the batch, and what is in a log can be held against it.
 */
import { batchOf, type ProducerIdentity, RawProducer } from '../helpers/raw-producer.ts';

const IN_FLIGHT = 5;
const NOT_NOW: ReadonlySet<number> = new Set([3, 5, 6, 7, 56]);

export interface NumberedLoadOptions {
  readonly bootstrap: string;
  readonly topic: string;
  /** What each value begins with. */
  readonly name: string;
  readonly batchRecords: number;
  readonly valueBytes: number;
  /** Between two batches; 0 for as fast as answers come. */
  readonly pauseMs: number;
  /** Ends by itself when so many are acked; else by `stop`. */
  readonly recordCount?: number;
  /** Whether what got no answer is sent again, on a new connection. */
  readonly resend: boolean;
}

interface Sent {
  readonly first: number;
  readonly bytes: Buffer;
}

export class NumberedLoad {
  readonly #options: NumberedLoadOptions;
  #identity: ProducerIdentity | undefined;
  #next = 1;
  #acked = 0;
  #stopped = false;
  /** When each batch was acked: the last value of it, and performance.now(). */
  readonly ackTimes: { readonly last: number; readonly atMs: number }[] = [];
  readonly done: Promise<void>;

  constructor(options: NumberedLoadOptions) {
    this.#options = options;
    this.done = this.#run();
  }

  /** Values 1 to this are acked. */
  get acked(): number {
    return this.#acked;
  }

  /** Values 1 to this were sent at least once. */
  get sent(): number {
    return this.#next - 1;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    let unanswered: Sent[] = [];
    while (!this.#isOver(unanswered)) {
      const producer = await this.#connect();
      if (producer === undefined) continue;
      unanswered = await this.#speak(producer, unanswered);
      producer.close();
      if (!this.#options.resend && unanswered.length > 0) return;
    }
  }

  #isOver(unanswered: readonly Sent[]): boolean {
    if (this.#stopped) return true;
    const { recordCount } = this.#options;
    return recordCount !== undefined && this.#next > recordCount && unanswered.length === 0;
  }

  async #connect(): Promise<RawProducer | undefined> {
    try {
      const producer = await RawProducer.open(this.#options.bootstrap);
      this.#identity ??= await producer.identity();
      return producer;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return undefined;
    }
  }

  /** Sends until the connection breaks or all is done; answers what got no answer. */
  async #speak(producer: RawProducer, before: readonly Sent[]): Promise<Sent[]> {
    const waiting: Sent[] = [...before];
    let flying: { sent: Sent; answer: Promise<boolean> }[] = [];
    let index = 0;
    for (;;) {
      while (flying.length < IN_FLIGHT) {
        const sent = index < waiting.length ? waiting[index] : this.#newBatch();
        if (sent === undefined) break;
        if (index >= waiting.length) waiting.push(sent);
        index += 1;
        flying.push({ sent, answer: this.#send(producer, sent) });
        if (this.#options.pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, this.#options.pauseMs));
      }
      const first = flying[0];
      if (first === undefined) return waiting;
      flying = flying.slice(1);
      if (!(await first.answer)) {
        await Promise.all(flying.map(({ answer }) => answer));
        await new Promise((resolve) => setTimeout(resolve, 20));
        return waiting;
      }
      waiting.shift();
      index -= 1;
      this.#acked = first.sent.first + this.#options.batchRecords - 1;
      this.ackTimes.push({ last: this.#acked, atMs: performance.now() });
    }
  }

  #newBatch(): Sent | undefined {
    const { batchRecords, recordCount, name, valueBytes } = this.#options;
    if (this.#stopped || (recordCount !== undefined && this.#next > recordCount)) return undefined;
    const first = this.#next;
    this.#next += batchRecords;
    const values = Array.from({ length: batchRecords }, (_, at) => numberedValue(name, first + at, valueBytes));
    const identity = this.#identity;
    if (identity === undefined) throw new Error('a producer without its id');
    return { first, bytes: batchOf(values, identity, first - 1) };
  }

  /** False when the connection broke, or the broker cannot take it now. */
  async #send(producer: RawProducer, sent: Sent): Promise<boolean> {
    try {
      const { errorCode } = await producer.produce(this.#options.topic, sent.bytes);
      if (errorCode === 0 || errorCode === 46) return true;
      if (NOT_NOW.has(errorCode)) return false;
      throw new Error(`batch ${sent.first}: error ${errorCode}`);
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('batch')) throw error;
      return false;
    }
  }
}

export function numberedValue(name: string, number: number, valueBytes: number): Buffer {
  return Buffer.from(`${name} ${number} `.padEnd(valueBytes, '.'));
}

export interface Verdict {
  readonly count: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly strange: number;
}

/** Holds lines of a log against what was acked: 1, 2, 3, ... each once and in order, at least up to `acked`. */
export function judge(lines: readonly string[], name: string, acked: number): Verdict {
  const seen = new Set<number>();
  let duplicated = 0;
  let reordered = 0;
  let strange = 0;
  let newest = 0;
  for (const line of lines) {
    const [by, number] = line.split(' ');
    const value = Number(number);
    if (by !== name || !Number.isInteger(value)) strange += 1;
    else if (seen.has(value)) duplicated += 1;
    else {
      seen.add(value);
      if (value !== newest + 1) reordered += 1;
      newest = Math.max(newest, value);
    }
  }
  let lost = 0;
  for (let value = 1; value <= acked; value++) if (!seen.has(value)) lost += 1;
  return { count: seen.size, lost, duplicated, reordered, strange };
}
