/**
 * A process that sends changed frames, each on a connection of its own so that none hides behind another, and says when it is
 * done: apart from the healthy client, whose waits must not be for this one's work. Arguments: port, seed, frames, frames a second.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiVersions } from '../../src/protocol/apis/index.ts';
import { frameOf } from '../broker/fake-socket.ts';
import { Prng } from '../sim/prng.ts';
import { capturedRequests, framed, mutated } from './mutate.ts';

const ABREAST = 16;
/** A frame whose length lies is waited for in vain. */
const WAIT_MS_MAX = 50;
const [port = 0, seed = 1, frameCount = 0, framesPerSecond = 1000] = process.argv.slice(2).map(Number);
const PROBE = frameOf(ApiVersions, 0, 1, {});

let connectedCount = 0;

/** Resolves when an answer has come, to the frame or to the proper request behind it, or the other side has closed. */
function attack(frame: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const timer = setTimeout(() => socket.destroy(), WAIT_MS_MAX);
    socket.on('error', () => undefined);
    socket.once('connect', () => {
      connectedCount += 1;
    });
    socket.once('data', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.write(Buffer.concat([frame, PROBE]));
  });
}

async function attackUntil(seeds: readonly Buffer[], prng: Prng, left: { frames: number }): Promise<void> {
  while (left.frames > 0) {
    const sentCount = frameCount - left.frames;
    left.frames -= 1;
    const earlyMs = (sentCount / framesPerSecond) * 1000 - (performance.now() - beganMs);
    if (earlyMs > 1) await sleep(earlyMs);
    await attack(framed(mutated(prng.pick(seeds), prng), prng));
  }
}

const prng = new Prng(seed);
const seeds = capturedRequests();
const left = { frames: frameCount };
const beganMs = performance.now();
await Promise.all(Array.from({ length: ABREAST }, () => attackUntil(seeds, prng, left)));
// Refused connections, or none left on this side, would make an attack of nothing.
if (connectedCount < frameCount * 0.99) throw new Error(`${connectedCount} connections for ${frameCount} frames`);
