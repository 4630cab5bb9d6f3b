/**
 * Tells when nobody reads our standard output any more, without writing to it: a `consume | head` that waits for
 * records would otherwise live until the next one comes (R13).
 *
 * Linux reports the death of a pipe's last reader as POLLERR on the writing end, but Node polls a pipe only while a
 * write is queued. So the pipe is opened once more, as a description of its own (non-blocking there, untouched here),
 * and handed to Node as a stream that is read: nothing can ever be read from it, and the report comes as an error.
 * Node's own pipe class refuses to read from a writing end; its TCP class does not ask.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';

const STDOUT = 1;

interface StreamHandle {
  open(descriptor: number): number;
}
interface TcpBinding {
  TCP: new (kind: number) => StreamHandle;
  constants: { SOCKET: number };
}

/** Calls `onGone` once; undefined where standard output is no pipe or this system does not tell. */
export function watchStdoutReader(onGone: () => void): { close(): void } | undefined {
  if (process.platform !== 'linux' || !fstatSync(STDOUT).isFIFO()) return undefined;
  const binding = tcpBinding();
  if (binding === undefined) return undefined;
  let descriptor: number;
  try {
    descriptor = openSync(`/proc/self/fd/${STDOUT}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  const handle = new binding.TCP(binding.constants.SOCKET);
  if (handle.open(descriptor) !== 0) {
    closeSync(descriptor);
    return undefined;
  }
  // `handle` is not in the published options, but net.Socket has taken it since the beginning.
  const options: { handle: StreamHandle; readable: boolean; writable: boolean } = {
    handle,
    readable: true,
    writable: false,
  };
  const socket = new Socket(options);
  socket.once('error', onGone);
  socket.resume();
  socket.unref();
  return {
    close() {
      socket.removeListener('error', onGone);
      socket.on('error', () => undefined);
      socket.destroy();
    },
  };
}

/** Node's TCP class, where this version of Node still hands it out. */
function tcpBinding(): TcpBinding | undefined {
  const binding: unknown = Reflect.get(process, 'binding');
  if (typeof binding !== 'function') return undefined;
  try {
    const found: unknown = Reflect.apply(binding, process, ['tcp_wrap']);
    return isTcpBinding(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function isTcpBinding(value: unknown): value is TcpBinding {
  return typeof value === 'object' && value !== null && 'TCP' in value && typeof value.TCP === 'function';
}
