/** Latency of durable acks under an open-loop load: from the moment that a message was due to its ack. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { batchOf, NO_PRODUCER, RawProducer } from '../test/helpers/raw-producer.ts';
import { startServe, streamctl } from '../test/helpers/streamctl.ts';
import { median, quantile } from './measure.ts';
import type { Row } from './table.ts';

const MESSAGES_PER_SECOND = 5000;
const SECONDS = 10;
/** At the begin of each run, not counted: code that was never run before is slow on both sides. */
const WARM_UP_SECONDS = 3;
const MESSAGE_BYTES = 100;
const IN_FLIGHT_MAX = 5;
/** Where nothing is due both sides sleep so long: who spins takes a processor from the broker, or from the disk's threads. */
const NAP_MS = 0.05;
const NOBODY_WAKES = new Int32Array(new SharedArrayBuffer(4));

interface Quantiles {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The row for p50 and p99 at 5,000 messages a second with durability `ack`, beside a bare write and sync loop on the same disk. */
export async function latencyRow(folder: string, rounds: number): Promise<Row> {
  const serving = await startServe(join(folder, 'latency'));
  await streamctl(['topics', 'create', 't', '-b', serving.bootstrap]);
  const ours: Quantiles[] = [];
  const bare: Quantiles[] = [];
  for (let round = 0; round <= rounds; round++) {
    const acked = await openLoop(serving.bootstrap);
    const synced = bareLoop(join(folder, `bare-${round}`));
    if (round === 0) continue;
    ours.push(acked);
    bare.push(synced);
  }
  await serving.stop();
  const of = (runs: readonly Quantiles[], pick: (run: Quantiles) => number) => median(runs.map(pick));
  const [p50, p99] = [of(ours, (run) => run.p50Ms), of(ours, (run) => run.p99Ms)];
  const [bare50, bare99] = [of(bare, (run) => run.p50Ms), of(bare, (run) => run.p99Ms)];
  return {
    what: 'p50 / p99 at 5,000 msg/s of 100 B, acks=all, durable, against a bare write + fdatasync loop under the same load',
    measured: `${p50.toFixed(2)} / ${p99.toFixed(2)} ms, bare ${bare50.toFixed(2)} / ${bare99.toFixed(2)} ms`,
    figure: `${(p50 / bare50).toFixed(1)}x / ${(p99 / bare99).toFixed(1)}x`,
    target: '<= 3x / 4x',
    reached: p50 / bare50 <= 3 && p99 / bare99 <= 4,
  };
}

/** Messages are due at a fixed rate; what is due is sent in one batch as soon as fewer than five are in flight. */
async function openLoop(bootstrap: string): Promise<Quantiles> {
  const producer = await RawProducer.open(bootstrap);
  const message = Buffer.alloc(MESSAGE_BYTES, 'm');
  const total = MESSAGES_PER_SECOND * (WARM_UP_SECONDS + SECONDS);
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  const dueMs = (message: number) => startMs + (message * 1000) / MESSAGES_PER_SECOND;
  let sent = 0;
  let acked = 0;
  let inFlight = 0;
  await new Promise<void>((resolve, reject) => {
    const send = () => {
      const due = Math.min(total, Math.floor(((performance.now() - startMs) * MESSAGES_PER_SECOND) / 1000));
      if (due > sent && inFlight < IN_FLIGHT_MAX) {
        const [from, to] = [sent, due];
        sent = due;
        inFlight++;
        producer.produce('t', batchOf(new Array<Buffer>(to - from).fill(message), NO_PRODUCER, -1)).then((answer) => {
          if (answer.errorCode !== 0) return reject(new Error(`error ${answer.errorCode}`));
          const nowMs = performance.now();
          for (let at = from; at < to; at++) {
            if (at >= MESSAGES_PER_SECOND * WARM_UP_SECONDS) latenciesMs.push(nowMs - dueMs(at));
          }
          inFlight--;
          acked += to - from;
          if (acked === total) resolve();
        }, reject);
      }
      if (sent === total) return;
      nap();
      setImmediate(send);
    };
    send();
  });
  producer.close();
  return { p50Ms: median(latenciesMs), p99Ms: quantile(latenciesMs, 0.99) };
}

/**
 * The same load by the least that can be durable: what is due is written, one write a message, and synced once, as fast as the
 * disk lets it. From the moment that a message was due, as above: a stalled sync counts for all that became due meanwhile.
 */
function bareLoop(path: string): Quantiles {
  const file = openSync(path, 'wx');
  const message = Buffer.alloc(MESSAGE_BYTES, 'm');
  const total = MESSAGES_PER_SECOND * SECONDS;
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) * MESSAGES_PER_SECOND) / 1000));
    if (due === sent) {
      nap();
      continue;
    }
    for (let at = sent; at < due; at++) writeSync(file, message);
    fdatasyncSync(file);
    const nowMs = performance.now();
    for (let at = sent; at < due; at++) latenciesMs.push(nowMs - (startMs + (at * 1000) / MESSAGES_PER_SECOND));
    sent = due;
  }
  closeSync(file);
  return { p50Ms: median(latenciesMs), p99Ms: quantile(latenciesMs, 0.99) };
}

function nap(): void {
  Atomics.wait(NOBODY_WAKES, 0, 0, NAP_MS);
}
