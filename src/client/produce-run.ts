import type { Env } from '../kernel/env.ts';
import type { BatchSlot } from './batch-slot.ts';
import { ClientError } from './client-error.ts';
import { LineBuffer, READ_BYTES } from './line-buffer.ts';
import { type EncodeStop, LineEncoder } from './line-encoder.ts';
import type { LineInput, ProduceHooks, ProduceOptions } from './line-producer.ts';
import type { TopicDescription } from './metadata.ts';
import { ProduceSender } from './produce-sender.ts';
import type { ProducerIdentity } from './producer-id.ts';
import { SlotPool } from './slot-pool.ts';
import type { Transport } from './transport.ts';

export interface ProduceRunSetup {
  readonly options: ProduceOptions;
  readonly topic: TopicDescription;
  /** The topic's max.message.bytes. */
  readonly maxBatchBytes: number;
  readonly producer: ProducerIdentity | undefined;
  readonly hooks: ProduceHooks;
}

/**
 * Input that has brought at least so much at once is taken to go on; it counts as paused only after `PAUSE_MS` of silence.
 * What brings less is paused as soon as nothing is there.
 */
const STREAM_BYTES = READ_BYTES / 8;
const PAUSE_MS = 1;

type ReadResult = { readonly byteCount: number } | { readonly error: unknown };

/**
 * One run of the line producer: input -> line buffer -> encoder -> slots -> sender, each bounded, so that a slow broker
 * stops the reading. Batches follow from what goes on, without a linger time: while requests are on their way, lines
 * gather; when none is and the input has paused, what there is goes out.
 */
export class ProduceRun {
  readonly #env: Env;
  readonly #setup: ProduceRunSetup;
  readonly #lines = new LineBuffer();
  readonly #encoder: LineEncoder;
  readonly #pool: SlotPool;
  readonly #sender: ProduceSender;
  readonly #isSpread: boolean;
  #isPaused = false;
  #isAborted = false;
  /** Ends the wait for input, or for a slot; whoever waits sets it. */
  #wake: (() => void) | undefined;
  #ackedLines = 0;
  #ackedBytes = 0;

  constructor(env: Env, transport: Transport, setup: ProduceRunSetup) {
    const { options, topic, maxBatchBytes, producer } = setup;
    const partitionCount = options.partition === undefined ? topic.partitions.length : 1;
    const isKeyed = options.keyDelimiter !== undefined && partitionCount > 1;
    this.#env = env;
    this.#setup = setup;
    this.#isSpread = partitionCount > 1 && !isKeyed;
    this.#encoder = new LineEncoder({
      delimiter: options.delimiter,
      keyDelimiter: options.keyDelimiter,
      keyedPartitionCount: isKeyed ? partitionCount : undefined,
      maxBatchBytes,
    });
    this.#encoder.currentPartition =
      options.partition ?? (this.#isSpread ? Math.floor(env.random.fraction() * partitionCount) : 0);
    this.#pool = new SlotPool({ fillingCount: isKeyed ? partitionCount : 1, maxBatchBytes });
    const { acks, codec, timeoutMs } = options;
    const events = {
      acked: ({ slot }: { slot: BatchSlot }) => this.#pool.give(slot),
      progress: () => this.#progress(),
    };
    this.#sender = new ProduceSender(env, transport, { topic, acks, codec, timeoutMs, producer }, events);
  }

  /** The first `lines` lines, `bytes` input bytes, are all acked. */
  get acked(): { readonly lines: number; readonly bytes: number } {
    return { lines: this.#ackedLines, bytes: this.#ackedBytes };
  }

  /** Whether nothing that was sent is without its ack. */
  get isAllAcked(): boolean {
    return this.#sender.idle;
  }

  /** Answers whether the signal ended it before the input did. What was read before an error is acked when this throws. */
  async produce(inputs: Iterable<LineInput> | AsyncIterable<LineInput>): Promise<boolean> {
    const { signal } = this.#setup.options;
    const onAbort = () => {
      this.#isAborted = true;
      this.#wake?.();
    };
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) onAbort();
    try {
      await this.#readAll(inputs);
    } catch (error) {
      if (this.#sender.failure === undefined) await this.#flush();
      else await this.#sender.settled();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
    await this.#flush();
    return this.#isAborted;
  }

  close(): void {
    this.#sender.close();
  }

  async #readAll(inputs: Iterable<LineInput> | AsyncIterable<LineInput>): Promise<void> {
    for await (const input of inputs) {
      if (this.#isAborted) return;
      this.#encoder.beginInput(input.name, this.#lines);
      await this.#readInput(input);
    }
  }

  async #readInput(input: LineInput): Promise<void> {
    let reading = this.#read(input);
    let lastBytes = 0;
    for (;;) {
      const result = await this.#awaitInput(reading, lastBytes >= STREAM_BYTES ? PAUSE_MS : 0);
      if (result === undefined) return;
      if ('error' in result) throw inputError(input, result.error);
      lastBytes = result.byteCount;
      if (lastBytes === 0) return await this.#encode('last');
      this.#lines.received(lastBytes);
      // The next read goes on while this one is encoded.
      reading = this.#read(input);
      await this.#encode('whole');
    }
  }

  /** Never rejects: the reading may be abandoned. */
  #read(input: LineInput): Promise<ReadResult> {
    return input.read(this.#lines.target()).then(
      (byteCount) => ({ byteCount }),
      (error: unknown) => ({ error }),
    );
  }

  /** undefined when aborted. Throws the sender's failure as soon as there is one. */
  async #awaitInput(reading: Promise<ReadResult>, pauseMs: number): Promise<ReadResult | undefined> {
    let result: ReadResult | undefined;
    let isOver = false;
    const paused = () => {
      if (isOver) return;
      this.#isPaused = true;
      this.#sendIfQuiet();
    };
    const timer = pauseMs > 0 ? this.#env.clock.timer(pauseMs, paused) : undefined;
    if (timer === undefined) this.#env.clock.soon(paused);
    const woken = new Promise<void>((resolve) => {
      this.#wake = () => {
        if (this.#isAborted || this.#sender.failure !== undefined) resolve();
      };
      this.#wake();
      void reading.then((read) => {
        result = read;
        resolve();
      });
    });
    await woken;
    this.#wake = undefined;
    this.#isPaused = false;
    isOver = true;
    timer?.cancel();
    if (this.#sender.failure !== undefined) throw this.#sender.failure;
    return this.#isAborted ? undefined : result;
  }

  /** Encodes all whole lines that are held, or the rest as the last one; waits for slots. */
  async #encode(what: 'whole' | 'last'): Promise<void> {
    for (;;) {
      const stop = this.#encodeSome(what);
      if (stop === 'input') return;
      const partition = this.#encoder.wantedPartition;
      if (this.#submit(partition) && this.#isSpread) this.#choosePartition();
      const target = this.#isSpread ? this.#encoder.currentPartition : partition;
      this.#encoder.setSlot(target, await this.#takeSlot(this.#encoder.wantedBytes));
    }
  }

  #encodeSome(what: 'whole' | 'last'): EncodeStop {
    const nowMs = this.#env.clock.wallMs();
    const stop = this.#encoder.encode(this.#lines, nowMs);
    return what === 'last' && stop === 'input' ? this.#encoder.encodeLast(this.#lines, nowMs) : stop;
  }

  /** Closes the partition's batch and hands it to the sender; false when there is none. An empty slot goes back. */
  #submit(partition: number): boolean {
    const slot = this.#encoder.slot(partition);
    if (slot === undefined) return false;
    this.#encoder.setSlot(partition, undefined);
    if (slot.recordCount === 0) {
      this.#pool.give(slot);
      return false;
    }
    this.#sender.submit(partition, slot);
    return true;
  }

  #submitAll(): void {
    let any = false;
    for (const [partition] of [...this.#encoder.openSlots()]) any = this.#submit(partition) || any;
    if (any && this.#isSpread) this.#choosePartition();
  }

  /** The next partition that would send at once, or just the next: batches of lines without keys take turns. */
  #choosePartition(): void {
    const count = this.#setup.topic.partitions.length;
    const first = this.#encoder.currentPartition + 1;
    for (let step = 0; step < count; step++) {
      const partition = (first + step) % count;
      if (this.#sender.isReady(partition)) {
        this.#encoder.currentPartition = partition;
        return;
      }
    }
    this.#encoder.currentPartition = first % count;
  }

  async #takeSlot(neededBytes: number): Promise<BatchSlot> {
    for (;;) {
      if (this.#sender.failure !== undefined) throw this.#sender.failure;
      const slot = this.#pool.take(neededBytes);
      if (slot !== undefined) {
        slot.recordCount = 0;
        return slot;
      }
      // Nothing that is on its way could bring one back.
      if (this.#sender.idle) this.#submitAll();
      await this.#awaitProgress();
    }
  }

  async #flush(): Promise<void> {
    this.#submitAll();
    while (!this.#sender.idle) {
      if (this.#sender.failure !== undefined) {
        await this.#sender.settled();
        throw this.#sender.failure;
      }
      await this.#awaitProgress();
    }
    this.#noteAcked();
  }

  async #awaitProgress(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }

  #progress(): void {
    this.#noteAcked();
    this.#sendIfQuiet();
    this.#wake?.();
  }

  #sendIfQuiet(): void {
    if (this.#isPaused && this.#sender.idle && this.#sender.failure === undefined) this.#submitAll();
  }

  /** Everything before the first line that is in a batch without an ack is acked: lines are in batches by their order. */
  #noteAcked(): void {
    let lines = this.#encoder.lineCount;
    let bytes = this.#lines.byteOffset(this.#lines.start);
    const consider = (slot: BatchSlot) => {
      if (slot.firstLine >= lines) return;
      lines = slot.firstLine;
      bytes = slot.firstByte;
    };
    for (const { slot } of this.#sender.oldestBatches()) consider(slot);
    for (const [, slot] of this.#encoder.openSlots()) if (slot.recordCount > 0) consider(slot);
    if (lines <= this.#ackedLines) return;
    this.#ackedLines = lines;
    this.#ackedBytes = bytes;
    this.#setup.hooks.onAcked?.(lines, bytes);
  }
}

function inputError(input: LineInput, error: unknown): ClientError {
  const text = error instanceof Error ? error.message : String(error);
  return new ClientError('input', `cannot read ${input.name}: ${text}`, { cause: error });
}
