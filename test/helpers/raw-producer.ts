/**
 * Produce requests by hand over a plain socket: the same bytes as often as wanted, which no client library offers.
 * Requests are pipelined; answers come back in order.
 */
import { connect, type Socket } from 'node:net';
import { Produce } from '../../src/protocol/apis/00-produce.ts';
import { InitProducerId } from '../../src/protocol/apis/22-init-producer-id.ts';
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts';
import { BATCH_HEADER_BYTES, sealBatch } from '../../src/protocol/records/batch.ts';
import type { AnyApi, RequestInput, ResponseOf } from '../../src/protocol/schema.ts';

export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

export const NO_PRODUCER: ProducerIdentity = { producerId: -1n, producerEpoch: -1 };

/** One batch with a record for each value, without keys and headers. */
export function batchOf(
  values: readonly Buffer[],
  identity: ProducerIdentity,
  baseSequence: number,
  nowMs = Date.now(),
): Buffer {
  const bytes = Buffer.alloc(BATCH_HEADER_BYTES + values.reduce((sum, value) => sum + value.length + 20, 0));
  let end = BATCH_HEADER_BYTES;
  for (const [delta, value] of values.entries()) {
    const body = Buffer.alloc(value.length + 16);
    let at = 2; // attributes 0, timestamp delta 0
    at = writeVarint(body, at, delta);
    at = writeVarint(body, at, -1); // no key
    at = writeVarint(body, at, value.length);
    at += value.copy(body, at);
    at++; // no headers
    end = writeVarint(bytes, end, at);
    end += body.copy(bytes, end, 0, at);
  }
  sealBatch(bytes, 0, end, {
    baseOffset: 0,
    leaderEpoch: -1,
    attributes: 0,
    lastOffsetDelta: values.length - 1,
    baseTimestamp: BigInt(nowMs),
    maxTimestamp: BigInt(nowMs),
    producerId: identity.producerId,
    producerEpoch: identity.producerEpoch,
    baseSequence,
    recordCount: values.length,
  });
  return bytes.subarray(0, end);
}

function writeVarint(target: Buffer, position: number, value: number): number {
  let rest = (value << 1) ^ (value >> 31);
  let at = position;
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

export interface ProduceAnswer {
  readonly errorCode: number;
  readonly baseOffset: number;
}

export class RawProducer {
  readonly #socket: Socket;
  readonly #waiting: ((frame: Buffer | Error) => void)[] = [];
  #received: Buffer = Buffer.alloc(0);
  #correlationId = 0;
  #failure: Error | undefined;

  static open(bootstrap: string): Promise<RawProducer> {
    const [host, port] = bootstrap.split(':');
    const socket = connect({ host: host ?? '', port: Number(port), noDelay: true });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawProducer(socket)));
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the connection closed')));
  }

  async identity(): Promise<ProducerIdentity> {
    const answer = await this.request(InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 60_000,
      producerId: -1n,
      producerEpoch: -1,
    });
    return { producerId: answer.producerId, producerEpoch: answer.producerEpoch };
  }

  async produce(topic: string, batch: Buffer, acks = -1): Promise<ProduceAnswer> {
    const answer = await this.request(Produce, 9, {
      transactionalId: null,
      acks,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: [batch] }] }],
    });
    const partition = answer.responses[0]?.partitionResponses[0];
    if (!partition) throw new Error('an answer without the partition');
    return { errorCode: partition.errorCode, baseOffset: Number(partition.baseOffset) };
  }

  async request<A extends AnyApi>(api: A, version: number, message: RequestInput<A>): Promise<ResponseOf<A>> {
    if (this.#failure !== undefined) throw this.#failure;
    const header = { correlationId: this.#correlationId++, clientId: 'raw-producer' };
    const frame = Buffer.concat(encodeRequest(api, version, header, message));
    const answered = new Promise<Buffer>((resolve, reject) => {
      this.#waiting.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
    this.#socket.write(frame);
    return decodeResponse(api, version, await answered).message;
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 4) {
      const end = 4 + this.#received.readInt32BE(0);
      if (this.#received.length < end) return;
      this.#waiting.shift()?.(this.#received.subarray(4, end));
      this.#received = this.#received.subarray(end);
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const waiting of this.#waiting.splice(0)) waiting(error);
  }
}
