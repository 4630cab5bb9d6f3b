/** A scripted broker on a real loopback socket: it reads whole frames and does with each what the test says. */
import { createServer, type Server, type Socket } from 'node:net';
import { ApiVersions } from '../../src/protocol/apis/index.ts';
import { encodeResponse, parseRequestHeader } from '../../src/protocol/codec.ts';
import { errorCode } from '../../src/protocol/errors.ts';
import type { AnyApi, ResponseInput } from '../../src/protocol/schema.ts';

export interface SeenFrame {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string;
  readonly bodyOffset: number;
  readonly bytes: Buffer;
  readonly socket: Socket;
  answer<A extends AnyApi>(api: A, message: ResponseInput<A>): void;
}

export class LoopbackBroker {
  readonly frames: SeenFrame[] = [];
  connectionCount = 0;
  /** Highest ApiVersions version that is answered; above it, error 35 in version 0. */
  apiVersionsMax = 4;
  /** Every request but ApiVersions. */
  onFrame: (frame: SeenFrame) => void = () => undefined;
  offered: readonly AnyApi[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor() {
    this.#server = createServer((socket) => this.#connected(socket));
  }

  async listen(): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no address');
    return { host: '127.0.0.1', port: address.port };
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.dropConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connected(socket: Socket): void {
    this.connectionCount++;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    let held = Buffer.alloc(0);
    socket.on('data', (data) => {
      held = Buffer.concat([held, data]);
      while (held.length >= 4 && held.length >= 4 + held.readInt32BE(0)) {
        const end = 4 + held.readInt32BE(0);
        this.#framed(socket, held.subarray(4, end));
        held = held.subarray(end);
      }
    });
  }

  #framed(socket: Socket, bytes: Buffer): void {
    const header = parseRequestHeader(bytes);
    const reply = <A extends AnyApi>(api: A, version: number, message: ResponseInput<A>) => {
      for (const piece of encodeResponse(api, version, header.correlationId, message)) socket.write(piece);
    };
    const frame: SeenFrame = {
      ...header,
      bytes,
      socket,
      answer: (api, message) => reply(api, header.apiVersion, message),
    };
    this.frames.push(frame);
    if (header.apiKey !== ApiVersions.key) {
      this.onFrame(frame);
      return;
    }
    const range = { apiKey: ApiVersions.key, minVersion: 0, maxVersion: this.apiVersionsMax };
    if (header.apiVersion > this.apiVersionsMax) {
      reply(ApiVersions, 0, { errorCode: errorCode('UNSUPPORTED_VERSION'), apiKeys: [range] });
      return;
    }
    const offered = this.offered.map(({ key, versions }) => ({
      apiKey: key,
      minVersion: versions.min,
      maxVersion: versions.max,
    }));
    reply(ApiVersions, header.apiVersion, { errorCode: 0, apiKeys: [range, ...offered] });
  }
}
