/**
 * A process that sends changed frames, each on a connection of its own so that none hides behind another, and says at its end, in
 * one line, what came of those of each API: apart from the healthy client, whose waits must not be for this one's work.
 * Arguments: port, seed, frames, frames a second.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { API_BY_KEY, ApiVersions, CreateTopics, Metadata } from '../../src/protocol/apis/index.ts';
import { decodeResponse, encodeRequest } from '../../src/protocol/codec.ts';
import { Prng } from '../sim/prng.ts';
import { type AnswerKind, answerKindOf, FrameCounts, PROBE_ID, readAnswer } from './frame-answers.ts';
import { capturedRequests, framed, mutated } from './mutate.ts';
import { FUZZED_TOPIC, PlausibleRequests } from './plausible-requests.ts';

const ABREAST = 16;
const CONNECT_MS_MAX = 5000;
/** A frame whose length lies is waited for in vain. */
const WAIT_MS_MAX = 50;
/** Of the frames so many were captured from other people's clients; the others are made. */
const CAPTURED_SHARE = 0.4;
/** Of the frames so many are as they were made: their answers teach names that are known. */
const UNCHANGED_SHARE = 0.1;
const ANSWER_BYTES_MAX = 1 << 20;
const [port = 0, seed = 1, frameCount = 0, framesPerSecond = 1000] = process.argv.slice(2).map(Number);
const PROBE = Buffer.concat(encodeRequest(ApiVersions, 0, { correlationId: PROBE_ID, clientId: 'probe' }, {}));

let connectedCount = 0;

/** Resolves when an answer has come, to the frame or to the proper request behind it, or the other side has closed. */
function exchange(bytes: Buffer): Promise<Buffer | 'closed' | 'waiting'> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    let end: Buffer | 'closed' | 'waiting' = 'closed';
    const socket = connect({ host: '127.0.0.1', port });
    const finish = (how: typeof end): void => {
      end = how;
      socket.destroy();
    };
    let timer = setTimeout(() => finish('waiting'), CONNECT_MS_MAX);
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      connectedCount += 1;
      clearTimeout(timer);
      timer = setTimeout(() => finish('waiting'), WAIT_MS_MAX);
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const frameEnd = received.length < 4 ? Number.POSITIVE_INFINITY : 4 + received.readInt32BE(0);
      if (received.length >= Math.min(frameEnd, ANSWER_BYTES_MAX)) finish(received.subarray(4, frameEnd));
    });
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(end);
    });
    socket.write(bytes);
  });
}

class Attack {
  readonly counts = new FrameCounts();
  readonly #prng = new Prng(seed);
  readonly #captured = capturedRequests();
  readonly #plausible = new PlausibleRequests(this.#prng);
  readonly #apis = [...API_BY_KEY.values()];
  readonly #beganMs = performance.now();
  #sentCount = 0;

  /** The topic that everything happens to, and its id. */
  async prepare(): Promise<void> {
    const topic = { name: FUZZED_TOPIC, numPartitions: 2, replicationFactor: -1 };
    await this.#ask(encodeRequest(CreateTopics, 7, { correlationId: 1, clientId: 'fuzz' }, { topics: [topic] }));
    const request = encodeRequest(
      Metadata,
      12,
      { correlationId: 2, clientId: 'fuzz' },
      { topics: [{ name: FUZZED_TOPIC }] },
    );
    const answer = await this.#ask(request);
    if (Buffer.isBuffer(answer)) this.#plausible.learn(decodeResponse(Metadata, 12, answer).message);
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: ABREAST }, () => this.#runOne()));
  }

  #ask(frame: readonly Uint8Array[]): Promise<Buffer | 'closed' | 'waiting'> {
    return exchange(Buffer.concat(frame));
  }

  async #runOne(): Promise<void> {
    while (this.#sentCount < frameCount) {
      const earlyMs = (this.#sentCount / framesPerSecond) * 1000 - (performance.now() - this.#beganMs);
      this.#sentCount += 1;
      if (earlyMs > 1) await sleep(earlyMs);
      await this.#sendOne();
    }
  }

  async #sendOne(): Promise<void> {
    const prng = this.#prng;
    const made = prng.hits(CAPTURED_SHARE) ? prng.pick(this.#captured) : this.#plausible.frame(prng.pick(this.#apis));
    const isChanged = !prng.hits(UNCHANGED_SHARE);
    const frame = isChanged ? mutated(made, prng) : made;
    const end = await exchange(Buffer.concat([isChanged ? framed(frame, prng) : framed(frame), PROBE]));
    let kind: AnswerKind;
    if (Buffer.isBuffer(end)) {
      const answer = readAnswer(frame, end);
      if (typeof answer === 'object') this.#plausible.learn(answer);
      kind = answerKindOf(answer);
    } else kind = end;
    this.counts.add(frame, kind);
  }
}

const attack = new Attack();
await attack.prepare();
await attack.run();
// Refused connections, or none left on this side, would make an attack of nothing.
if (connectedCount < frameCount * 0.99) throw new Error(`${connectedCount} connections for ${frameCount} frames`);
process.stdout.write(`${JSON.stringify(attack.counts.rows())}\n`);
