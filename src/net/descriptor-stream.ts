/**
 * Pipes and sockets that the process was started with, as standard input or output.
 *
 * They are read and written without blocking and waited for on the event loop, never by a blocking call in the thread
 * pool: Node joins the threads of its pool when the process exits, so one that sits in `read` or `write` on a pipe that
 * nobody serves would keep the process from ending (measured on Node 20). Node sets O_NONBLOCK on the description behind the
 * descriptor: what other processes hold, too, should be opened anew for it where the system can do that.
 */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { type Deferred, deferred } from '../kernel/deferred.ts';

/** Waits until a descriptor has bytes to read. */
export class ReadableDescriptor {
  readonly #socket: Socket;
  #waiting: Deferred<number | undefined> | undefined;
  #hasEnded = false;

  constructor(descriptor: number) {
    // The kernel says that there are bytes by giving one: with room for a single byte no more is taken than that.
    const oneByte = Buffer.alloc(1);
    const onread = { buffer: oneByte, callback: () => this.#arrived(oneByte[0]) };
    // The published types know `onread` for `connect` only; the constructor takes it as well (it is what `connect` calls).
    this.#socket = new Socket({ fd: descriptor, readable: true, writable: false, onread } as SocketConstructorOpts);
    this.#socket.pause();
    this.#socket.on('end', () => this.#end());
    this.#socket.on('error', () => this.#end());
    this.#socket.on('close', () => this.#end());
  }

  /** The next byte; more may follow it and can be read by the descriptor at once. undefined at the end or after an error. */
  next(): Promise<number | undefined> {
    const waiting = deferred<number | undefined>();
    if (this.#hasEnded) {
      waiting.resolve(undefined);
    } else {
      this.#waiting = waiting;
      this.#socket.resume();
    }
    return waiting.promise;
  }

  /** False: Node reads no more until `resume`. */
  #arrived(byte: number | undefined): boolean {
    this.#socket.pause();
    this.#settle(byte);
    return false;
  }

  #end(): void {
    this.#hasEnded = true;
    this.#settle(undefined);
  }

  #settle(byte: number | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(byte);
  }
}

/** Writes to a descriptor; the event loop waits until there is room. */
export class WritableDescriptor {
  readonly #socket: Socket;
  #error: Error | undefined;

  constructor(descriptor: number) {
    this.#socket = new Socket({ fd: descriptor, readable: false, writable: true });
    // Each write is told its own error; this one keeps it for the writes that follow.
    this.#socket.on('error', (error) => {
      this.#error ??= error;
    });
  }

  /** Resolves when the kernel has taken all of it; rejects with EPIPE and the like, then and ever after. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) {
        reject(this.#error);
        return;
      }
      this.#socket.write(bytes, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(this.#error ?? error);
      });
    });
  }
}
