/**
 * The one place that reaches into Node's sockets.
 *
 * Node lets the kernel fill our own buffers (`onread`) only on sockets that are made with that option, and a server makes its
 * sockets without it. So the handle of an accepted, paused socket is moved to a new socket. The server counts its
 * connections by the private `_server` of the sockets, which therefore moves too: without it the server never closes.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

interface WithHandle {
  _handle: object | null;
  _server?: unknown;
}

/** A socket over the connection of `accepted`, which must be paused and is dead afterwards; undefined where Node has changed. */
export function withOnRead(accepted: Socket, onread: OnReadOpts): Socket | undefined {
  const from = accepted as unknown as WithHandle;
  const handle = from._handle;
  if (handle === null || typeof handle !== 'object' || !('useUserBuffer' in handle)) return undefined;
  // `handle` and `manualStart` are not in the published types; Node's own TLS and TTY code rests on them.
  const options = { handle, onread, manualStart: true, allowHalfOpen: false } as SocketConstructorOpts;
  from._handle = null;
  const socket = new Socket(options);
  const to = socket as unknown as WithHandle;
  if (to._handle !== handle) {
    from._handle = handle;
    return undefined;
  }
  to._server = from._server;
  from._server = null;
  return socket;
}
