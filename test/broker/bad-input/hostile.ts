/** A broker on real sockets, a client that misbehaves, and a healthy one beside it that must not notice. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerSettings } from '../../../src/broker/broker-settings.ts';
import { realEnv } from '../../../src/cli/real-env.ts';
import { startServer } from '../../../src/cli/start-server.ts';
import type { Log } from '../../../src/kernel/env.ts';
import { ApiVersions, CreateTopics, Fetch, ListOffsets, Metadata, Produce } from '../../../src/protocol/apis/index.ts';
import { decodeResponse } from '../../../src/protocol/codec.ts';
import { errorName } from '../../../src/protocol/errors.ts';
import type { AnyApi, ResponseOf } from '../../../src/protocol/schema.ts';
import { batchOf, NO_PRODUCER, RawProducer } from '../../helpers/raw-producer.ts';
import { frameOf } from '../fake-socket.ts';

export const TOPIC = 't';
const PROBE_ID = 0x7fff0001;
const SILENCE_MS = 1000;

/** What came back on a connection: answers to what was sent, whether the broker closed it, whether it serves what came behind. */
export interface Outcome {
  readonly answers: readonly Buffer[];
  readonly ending: 'closed' | 'serves' | 'silent';
}

/** A connection by hand. Paused, it reads nothing. */
export class HostileSocket {
  readonly socket: Socket;
  readonly frames: Buffer[] = [];
  isClosed = false;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  /** Of the frame that is arriving, with its length. */
  #frameBytes = 4;
  #onChange: (() => void) | undefined;

  static async open(port: number): Promise<HostileSocket> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    const hostile = new HostileSocket(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return hostile;
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.isClosed = true;
        this.#onChange?.();
      });
    }
  }

  write(bytes: Uint8Array): void {
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** False when it did not come to that. */
  async until(holds: () => boolean, timeoutMs = SILENCE_MS): Promise<boolean> {
    if (holds()) return true;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#onChange = undefined;
        resolve(false);
      }, timeoutMs);
      this.#onChange = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#onChange = undefined;
        resolve(true);
      };
    });
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    if (this.#chunkBytes < this.#frameBytes) return;
    let bytes = Buffer.concat(this.#chunks);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0);
      this.frames.push(bytes.subarray(4, end));
      bytes = bytes.subarray(end);
    }
    this.#chunks = [bytes];
    this.#chunkBytes = bytes.length;
    this.#frameBytes = bytes.length < 4 ? 4 : 4 + bytes.readInt32BE(0);
    this.#onChange?.();
  }
}

export class HostileTest {
  readonly port: number;
  readonly healthy: RawProducer;
  /** Lines of the broker's log of all levels. */
  readonly logLines: string[];

  constructor(port: number, healthy: RawProducer, logLines: string[]) {
    this.port = port;
    this.healthy = healthy;
    this.logLines = logLines;
  }

  open(): Promise<HostileSocket> {
    return HostileSocket.open(this.port);
  }

  /** Sends bytes on a connection of their own, and a proper request behind them. */
  async attack(bytes: Uint8Array, silenceMs = SILENCE_MS): Promise<Outcome> {
    const hostile = await this.open();
    const isProbe = (frame: Buffer | undefined): boolean => frame?.readInt32BE(0) === PROBE_ID;
    hostile.write(bytes);
    hostile.write(frameOf(ApiVersions, 0, PROBE_ID, {}));
    await hostile.until(() => hostile.isClosed || isProbe(hostile.frames.at(-1)), silenceMs);
    const serves = isProbe(hostile.frames.at(-1));
    const answers = hostile.frames.filter((frame) => !isProbe(frame));
    const ending = serves ? 'serves' : hostile.isClosed ? 'closed' : 'silent';
    hostile.socket.destroy();
    return { answers, ending };
  }

  /** The error of the one partition in the answer to a produce of this batch. */
  async produce(records: Buffer, version = 9, topic = TOPIC): Promise<string> {
    const message = {
      acks: -1,
      timeoutMs: 10_000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: [records] }] }],
    };
    const outcome = await this.attack(frameOf(Produce, version, 7, message));
    assert.equal(outcome.ending, 'serves');
    const partition = this.answer(Produce, version, outcome).responses[0]?.partitionResponses[0];
    assert.ok(partition !== undefined);
    if (partition.errorCode !== 0) assert.equal(partition.baseOffset, -1n);
    return errorName(partition.errorCode);
  }

  answer<A extends AnyApi>(api: A, version: number, outcome: Outcome): ResponseOf<A> {
    assert.equal(outcome.answers.length, 1, `${outcome.answers.length} answers, then ${outcome.ending}`);
    return decodeResponse(api, version, outcome.answers[0] as Buffer).message;
  }

  /** All that a client can see of the broker's state. */
  async state(): Promise<string> {
    const { topics } = await this.healthy.request(Metadata, 9, { topics: null });
    const offsets = await Promise.all([-1n, -2n].map((timestamp) => this.#offset(timestamp)));
    const partitions = [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 50 << 20 }];
    const fetched = await this.healthy.request(Fetch, 11, {
      maxWaitMs: 0,
      minBytes: 0,
      topics: [{ topic: TOPIC, partitions }],
    });
    const records = fetched.responses[0]?.partitions[0]?.records ?? [];
    const digest = createHash('sha256');
    for (const bytes of records) digest.update(bytes);
    return JSON.stringify({ topics, offsets, records: digest.digest('hex') }, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
  }

  async produceHealthily(): Promise<void> {
    const { errorCode } = await this.healthy.produce(TOPIC, batchOf([Buffer.from('healthy')], NO_PRODUCER, -1));
    assert.equal(errorCode, 0);
  }

  /** Runs an attack, after which a healthy client finds all as it was and goes on. */
  async unmoved<T>(attack: () => Promise<T>): Promise<T> {
    const before = await this.state();
    const outcome = await attack();
    assert.equal(await this.state(), before);
    await this.produceHealthily();
    return outcome;
  }

  async #offset(timestamp: bigint): Promise<bigint | undefined> {
    const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0, timestamp }] }];
    const { topics: answered } = await this.healthy.request(ListOffsets, 7, { replicaId: -1, topics });
    return answered[0]?.partitions[0]?.offset;
  }
}

/** Registers mocha's hooks; the answer gives the running broker inside tests. `settings` are `name=value`. */
export function hostileTest(settings: readonly string[] = []): () => HostileTest {
  let running: HostileTest | undefined;
  let end: (() => Promise<void>) | undefined;
  before(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bad-input-'));
    const logLines: string[] = [];
    const server = await startServer(
      { ...realEnv(), log: linesLog(logLines) },
      {
        directory,
        listen: [{ host: '127.0.0.1', port: 0 }],
        settings: brokerSettings({ assignments: ['auto.create.topics.enable=false', ...settings] }),
        timeoutMs: 10_000,
        note: () => undefined,
      },
    );
    const port = server.addresses[0]?.port ?? 0;
    const healthy = await RawProducer.open(`127.0.0.1:${port}`);
    end = async () => {
      healthy.close();
      await server.stop();
      await rm(directory, { recursive: true });
    };
    running = new HostileTest(port, healthy, logLines);
    await healthy.request(CreateTopics, 7, { topics: [{ name: TOPIC, numPartitions: 1, replicationFactor: 1 }] });
    await running.produceHealthily();
  });
  after(() => end?.());
  return () => {
    assert.ok(running !== undefined);
    return running;
  };
}

function linesLog(lines: string[]): Log {
  const say = (text: string): void => {
    lines.push(text);
  };
  return { debug: say, info: say, warn: say, error: say };
}
