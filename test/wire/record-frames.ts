/**
 * Records what other people's clients and brokers say to each other: a TCP proxy that keeps the frames of the APIs that we
 * speak, for `frames.test.ts`.
 *
 *     node --import tsx test/wire/record-frames.ts CLIENT LISTEN_PORT BROKER_PORT [DROP]
 *
 * The broker must advertise the proxy's address. DROP lowers the newest version of each API that the broker offers by that many,
 * so that a client also speaks the older ones. SIGTERM ends it: frames are added to `frames/<key>-<name>.<CLIENT>.hex`, one a line:
 *
 *     v<version> request|response <the frame without its length, in hex>
 *
 * Of each API, version and direction it keeps the smallest and the largest frame of at most 2,500 bytes. FrameTraffic.java makes a
 * Java client send every API once or more, GroupTraffic.java those of groups; kcat does for librdkafka.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { API_BY_KEY, ApiVersions } from '../../src/protocol/apis/index.ts';
import { decodeResponse, encodeResponse, parseRequestHeader } from '../../src/protocol/codec.ts';
import type { AnyApi } from '../../src/protocol/schema.ts';

const FRAME_BYTES_MAX = 2_500;
const FRAMES_DIRECTORY = new URL('./frames/', import.meta.url);

const [client = '', listenPort = '', brokerPort = '', drop = '0'] = process.argv.slice(2);
const kept = new Map<string, { smallest: Buffer; largest: Buffer }>();

interface Asked {
  readonly api: AnyApi | undefined;
  readonly version: number;
}

const server = net.createServer((downstream) => {
  const upstream = net.connect(Number(brokerPort), '127.0.0.1');
  const asked: Asked[] = [];
  eachFrame(downstream, (frame) => {
    const { apiKey, apiVersion } = parseRequestHeader(frame);
    const api = API_BY_KEY.get(apiKey);
    asked.push({ api, version: apiVersion });
    keep(api, apiVersion, 'request', frame);
    upstream.write(withLength(frame));
  });
  eachFrame(upstream, (frame) => {
    const { api, version } = asked.shift() ?? { api: undefined, version: 0 };
    keep(api, version, 'response', frame);
    downstream.write(api === ApiVersions ? withOlderVersions(version, frame) : withLength(frame));
  });
  for (const [from, to] of [
    [upstream, downstream],
    [downstream, upstream],
  ] as const) {
    from.on('close', () => to.destroy());
    from.on('error', () => to.destroy());
  }
});

server.listen(Number(listenPort), '127.0.0.1', () => console.error('recording'));
process.on('SIGTERM', () => {
  writeFrames();
  process.exit(0);
});

function eachFrame(socket: net.Socket, onFrame: (frame: Buffer) => void): void {
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
      const end = 4 + pending.readInt32BE(0);
      onFrame(Buffer.from(pending.subarray(4, end)));
      pending = pending.subarray(end);
    }
  });
}

function withLength(frame: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}

function withOlderVersions(version: number, frame: Buffer): Buffer {
  if (drop === '0' || version > ApiVersions.versions.max) {
    return withLength(frame);
  }
  const { correlationId, message } = decodeResponse(ApiVersions, version, frame);
  const apiKeys = message.apiKeys.map((range) => ({
    ...range,
    maxVersion: Math.max(
      API_BY_KEY.get(range.apiKey)?.versions.min ?? range.minVersion,
      range.maxVersion - Number(drop),
    ),
  }));
  return Buffer.concat(encodeResponse(ApiVersions, version, correlationId, { ...message, apiKeys }));
}

function keep(api: AnyApi | undefined, version: number, direction: string, frame: Buffer): void {
  if (api === undefined || version < api.versions.min || version > api.versions.max || frame.length > FRAME_BYTES_MAX) {
    return;
  }
  const key = `${fileName(api)} v${version} ${direction}`;
  const { smallest, largest } = kept.get(key) ?? { smallest: frame, largest: frame };
  kept.set(key, {
    smallest: frame.length < smallest.length ? frame : smallest,
    largest: frame.length > largest.length ? frame : largest,
  });
}

function fileName(api: AnyApi): string {
  const words = api.name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
  return `${String(api.key).padStart(2, '0')}-${words}.${client}.hex`;
}

/** Frames of versions and directions that a file has already stay as they are. */
function writeFrames(): void {
  const files = new Map<string, Map<string, string[]>>();
  for (const [key, { smallest, largest }] of kept) {
    const [file = '', version = '', direction = ''] = key.split(' ');
    const frames = new Set([smallest.toString('hex'), largest.toString('hex')]);
    const groups = files.get(file) ?? readFrames(file);
    files.set(file, groups);
    const group = `${version} ${direction}`;
    if (!groups.has(group)) {
      groups.set(group, [...frames]);
    }
  }
  for (const [file, groups] of files) {
    const sorted = [...groups].sort(([left], [right]) => left.localeCompare(right, 'en', { numeric: true }));
    const lines = sorted.flatMap(([group, frames]) => frames.map((frame) => `${group} ${frame}\n`));
    writeFileSync(new URL(file, FRAMES_DIRECTORY), lines.join(''));
  }
}

function readFrames(file: string): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  const url = new URL(file, FRAMES_DIRECTORY);
  for (const line of existsSync(url) ? readFileSync(url, 'utf8').split('\n') : []) {
    const [version, direction, frame] = line.split(' ');
    if (frame !== undefined) {
      const group = `${version} ${direction}`;
      groups.set(group, [...(groups.get(group) ?? []), frame]);
    }
  }
  return groups;
}
