/** Net over Node's sockets. */

import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock, Net, NetAddress, NetListener, NetSocket } from '../kernel/env.ts';
import { errorCodeOf } from '../kernel/error-code.ts';
import { NodeSocket, onReadIntake } from './node-socket.ts';
import { withOnRead } from './raw-handle.ts';

/** Paths of Unix sockets as the kernel can take them; the files are not this layer's business. */
export interface SocketPaths {
  /** A path of at most 100 bytes that leads to `path`, usable until `close`. */
  shorten(path: string): { readonly path: string; close(): void };
  /** Makes the bound socket 0600. */
  protect(path: string): void;
}

export interface NodeNetOptions {
  readonly clock: Clock;
  readonly socketPaths: SocketPaths;
  /** Told when a connection could not be accepted (EMFILE, ENFILE, ...); the listener goes on. */
  readonly onAcceptError: (error: Error) => void;
  /** `copy` takes Node's chunks even where the kernel can fill our buffers; for tests. */
  readonly input?: 'onread' | 'copy';
}

const BACKLOG_RETRY_MS = 20;
/** After so long without a byte the system asks whether the peer is still there: a machine that lost its power says no goodbye (B-8). */
const KEEP_ALIVE_MS = 60_000;

export function nodeNet(options: NodeNetOptions): Net {
  return {
    listen: (address, onConnection) => listen(options, address, onConnection),
    connect: (address, timeoutMs) => connectTo(options, address, timeoutMs),
  };
}

async function listen(
  options: NodeNetOptions,
  address: NetAddress,
  onConnection: (socket: NetSocket) => void,
): Promise<NetListener> {
  const server = createServer({
    pauseOnConnect: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  server.on('connection', (accepted) => onConnection(take(options, accepted)));
  if (!('path' in address)) {
    const { host, port } = address;
    await bound(server, () => server.listen({ host, port, exclusive: true }));
    return listener(options, server, address, () => undefined);
  }
  const short = options.socketPaths.shorten(address.path);
  try {
    await bound(server, () => {
      server.listen({ path: short.path, exclusive: true });
      // For a path Node binds before `listen` returns, so nobody can connect before the mode is set.
      if (server.listening) options.socketPaths.protect(short.path);
    });
  } catch (error) {
    // It may listen already, with a mode that lets everybody in.
    server.close();
    short.close();
    throw error;
  }
  return listener(options, server, address, short.close);
}

/** Resolves when the server listens, rejects when it cannot. */
function bound(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    start();
  });
}

function listener(options: NodeNetOptions, server: Server, asked: NetAddress, onClosed: () => void): NetListener {
  server.on('error', options.onAcceptError);
  const bindAddress = server.address();
  const address =
    'path' in asked || bindAddress === null || typeof bindAddress === 'string'
      ? asked
      : { host: bindAddress.address, port: bindAddress.port };
  return {
    address,
    close: async () => {
      if (!server.listening) return;
      // Node's own `close` event waits for all connections; the listening socket itself is gone at once.
      server.close();
      onClosed();
    },
  };
}

/** Makes the accepted connection ours; it does not read before `start`. */
function take(options: NodeNetOptions, accepted: Socket): NetSocket {
  if (options.input !== 'copy') {
    const { onread, intake } = onReadIntake();
    const socket = withOnRead(accepted, onread);
    if (socket !== undefined) return new NodeSocket(socket, intake, options.clock);
  }
  return new NodeSocket(accepted, undefined, options.clock);
}

async function connectTo(options: NodeNetOptions, address: NetAddress, timeoutMs: number): Promise<NetSocket> {
  if (!('path' in address)) return open(options, address, timeoutMs);
  const { clock, socketPaths } = options;
  const short = socketPaths.shorten(address.path);
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  try {
    for (;;) {
      const leftMs = deadlineMs - clock.monotonicMs();
      try {
        return await open(options, { path: short.path }, leftMs);
      } catch (error) {
        if (!isBacklogFull(error) || leftMs <= BACKLOG_RETRY_MS) throw error;
      }
      await clock.sleep(BACKLOG_RETRY_MS);
    }
  } finally {
    short.close();
  }
}

/** A Unix socket whose listener does not accept (it is stopped, say) refuses with EAGAIN where TCP would wait. */
function isBacklogFull(error: unknown): boolean {
  return errorCodeOf(error) === 'EAGAIN';
}

function open(options: NodeNetOptions, address: NetAddress, timeoutMs: number): Promise<NetSocket> {
  return new Promise((resolve, reject) => {
    const input = options.input === 'copy' ? undefined : onReadIntake();
    const socket = connect(input === undefined ? { ...address } : { ...address, onread: input.onread });
    socket.pause();
    const timer = options.clock.timer(timeoutMs, () => {
      socket.destroy(Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' }));
    });
    const onError = (error: Error): void => {
      timer.cancel();
      reject(error);
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      timer.cancel();
      socket.off('error', onError);
      resolve(new NodeSocket(socket, input?.intake, options.clock));
    });
  });
}
