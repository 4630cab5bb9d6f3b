/**
 * Everything that the rest of streamctl takes from the world outside, as one injected value (DESIGN D8).
 *
 * There are two implementations: the real one (`src/cli/real-env.ts`, over Node) and the simulated one
 * (`test/sim/sim-env.ts`: virtual clock, seeded randomness, a disk that loses what was not synced, sockets in memory).
 * Code in `src/` that needs a file, a socket, the time or chance takes it from here; a house test forbids the other way.
 *
 * Errors of `Disk` and `Net` are Node's: an `Error` with a `code` such as ENOENT, EEXIST, ENOSPC, EIO, ECONNREFUSED.
 */

/** An open file. Positions and lengths are bytes. */
export interface DiskFile {
  /** Reads up to `length` bytes at `position` into `target` at `offset`; answers how many came (0 = end of file). */
  read(target: Uint8Array, offset: number, length: number, position: number): Promise<number>;
  /** Writes all buffers one after the other at `position`, looping over short writes and IOV_MAX. */
  writev(buffers: readonly Uint8Array[], position: number): Promise<void>;
  /** fdatasync: the file's bytes and its size are on the disk when this resolves. A rejection voids all unsynced data. */
  datasync(): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface DiskStat {
  readonly kind: 'file' | 'directory' | 'other';
  readonly size: number;
  /** Wall-clock milliseconds. */
  readonly modifiedMs: number;
  readonly inode: number;
  readonly mode: number;
  readonly uid: number;
}

/** What carries a path. */
export interface FileSystemFacts {
  /** As the system names it: `ext4`, `nfs`, `fuse.sshfs`; `unknown` where it does not tell. */
  readonly kind: string;
  /** Whether other machines see the same files, so that neither locks nor syncs mean here what the directory relies on. */
  readonly isNetwork: boolean;
  /** Whether it is one that nothing is known of by name and that may be a network's (FUSE). */
  readonly isUncertain: boolean;
  readonly totalBytes: number;
  /** For this user. */
  readonly freeBytes: number;
}

/** `r` read; `r+` read and write, must exist; `wx+` create, must not exist; `w+` create or take what is there, not truncating. */
export type OpenMode = 'r' | 'r+' | 'wx+' | 'w+';

/**
 * The file system. Files are created 0600, directories 0700. No call follows a symbolic link in the last component, but for
 * `list`, `makeDirectory` and `syncDirectory`: a link to a directory is as good as one.
 */
export interface Disk {
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Whole content; throws ENOENT, and EFBIG rather than take memory for more than `bytesMax`, or 2 GiB. */
  readFile(path: string, bytesMax?: number): Promise<Buffer>;
  /** Names only, sorted; throws ENOENT. */
  list(path: string): Promise<string[]>;
  /** undefined when there is nothing at `path`. */
  stat(path: string): Promise<DiskStat | undefined>;
  /** Creates missing parents too. True when the last component was created by this call. */
  makeDirectory(path: string): Promise<boolean>;
  rename(from: string, to: string): Promise<void>;
  /** Hard link; throws EEXIST when `to` exists: the arbiter of every race in the directory. */
  link(from: string, to: string): Promise<void>;
  /** Removes a file; nothing happens when it is not there. */
  remove(path: string): Promise<void>;
  /** Removes a directory and all below it; nothing happens when it is not there. */
  removeTree(path: string): Promise<void>;
  /** Makes the entries of a directory (creations, renames, removals) durable. */
  syncDirectory(path: string): Promise<void>;
  /** Calls `onHint` some time after something changed in the directory; a hint may be lost, merged or late. */
  watch(path: string, onHint: () => void): DiskWatch;
  /** Of the file system that holds `path`, which must exist. */
  fileSystem(path: string): Promise<FileSystemFacts>;
}

export interface DiskWatch {
  close(): Promise<void>;
}

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch, as a whole number; may jump. */
  wallMs(): number;
  /** Milliseconds since some moment, fractional; never goes back. */
  monotonicMs(): number;
  /** Runs `action` once, `delayMs` from now at the earliest. The timer does not keep a process alive when `background`. */
  timer(delayMs: number, action: () => void, background?: boolean): Timer;
  sleep(delayMs: number): Promise<void>;
  /** Runs `action` after what is queued now, before any timer. */
  soon(action: () => void): void;
}

export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  bytes(count: number): Buffer;
  /** A random version 4 UUID in its 36-character form. */
  uuid(): string;
}

export type NetAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Where a connection's bytes go. The socket asks `target()` where the next bytes may be put, puts some there and says
 * how many by `received()`; both are called in one turn, so one scratch buffer may serve all idle connections.
 */
export interface SocketSink {
  /** Where the next bytes go; at least one byte long. */
  target(): Uint8Array;
  received(byteCount: number): void;
  /** The peer sent its end, or the connection died (`error` given). Called exactly once, last. */
  ended(error?: Error): void;
}

export interface NetSocket {
  /** Begins to deliver; called once. */
  start(sink: SocketSink): void;
  /** Queues the buffers as one vectored write; `done` once they are handed to the kernel or the connection is gone. */
  write(buffers: readonly Uint8Array[], done?: () => void): void;
  /** Bytes queued by `write` and not yet taken by the kernel. */
  readonly pendingBytes: number;
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. */
  end(): void;
  /** Closes at once; queued bytes are lost. */
  destroy(): void;
  /** `host:port` of the peer, or `unix`. */
  readonly remote: string;
}

export interface NetListener {
  /** The bound address, with the real port where 0 was asked for. */
  readonly address: NetAddress;
  /** Stops accepting; open connections stay. Resolves although connections are open. */
  close(): Promise<void>;
}

export interface Net {
  /** Throws EADDRINUSE, EACCES, EADDRNOTAVAIL. A Unix socket is made with mode 0600; paths may be of any length. */
  listen(address: NetAddress, onConnection: (socket: NetSocket) => void): Promise<NetListener>;
  /** Throws ECONNREFUSED, ENOENT, ETIMEDOUT, .... */
  connect(address: NetAddress, timeoutMs: number): Promise<NetSocket>;
}

/** What identifies a running process, so that another process on the same machine can tell whether it still runs. */
export interface ProcessFacts {
  readonly hostId: string;
  /** undefined where the system does not tell. */
  readonly bootId: string | undefined;
  readonly pidNamespace: string | undefined;
  readonly pid: number;
  /** Start time of the process in the system's own unit; undefined where the system does not tell. */
  readonly startTime: string | undefined;
}

export type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGTSTP' | 'SIGCONT';

export interface Proc {
  facts(): ProcessFacts;
  /** `alive`, `dead`, or `unknown` when the facts are of another host, boot or pid namespace that cannot be judged here. */
  judge(facts: ProcessFacts): 'alive' | 'dead' | 'unknown';
  /** One word for people: `running`, `sleeping`, `stopped`, ...; undefined when not known. */
  describeState(facts: ProcessFacts): string | undefined;
  onSignal(signal: Signal, action: () => void): { remove(): void };
  /** Stops this process as SIGSTOP does; returns once it was continued. */
  stopSelf(): void;
}

/** Standard streams, for the cores of commands. */
export interface Stdio {
  /** Next bytes of standard input into `target`; 0 at its end. One call at a time; blocks at most one pool thread. */
  read(target: Uint8Array): Promise<number>;
  /** Writes all of it; rejects with EPIPE, ENOSPC, .... One call at a time; blocks at most one pool thread. */
  write(bytes: Uint8Array): Promise<void>;
  /** A line for people, on standard error. */
  note(text: string): void;
}

/** Work that is too long for the main loop. */
export interface Offload {
  /** Runs a decompression or check off the main loop where the platform can; the input is not copied and must stay. */
  run(task: OffloadTask): Promise<Buffer>;
  /** Compresses, off the main loop where the platform can; the input must stay. Rejects where the codec is missing. */
  compress(codec: OffloadTask['codec'], bytes: Uint8Array): Promise<Buffer>;
}
export interface OffloadTask {
  readonly kind: 'decompress';
  readonly codec: 'gzip' | 'snappy' | 'lz4' | 'zstd';
  readonly bytes: Uint8Array;
  /** Rejects when the output would be larger. */
  readonly maxOutputBytes: number;
}

/**
 * The liveness lock (proper-lockfile's behaviour): says who should act, never who may. Two owners are possible, and a
 * release may remove a stranger's lock; safety comes from the metadata log's epochs.
 */
export interface LivenessLock {
  /** undefined when somebody else holds a lock that is not stale. `onCompromised` is called at most once. */
  acquire(
    path: string,
    options: { staleMs: number; onCompromised: (error: Error) => void },
  ): Promise<HeldLock | undefined>;
  /** Moves aside the lock of an owner that is known to be dead, so that the next acquire need not wait for staleness. */
  breakDead(path: string): Promise<void>;
}

export interface HeldLock {
  /** Monotonic milliseconds at which the last confirmed heartbeat began. */
  confirmedAtMs(): number;
  release(): Promise<void>;
}

export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface Env {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly net: Net;
  readonly proc: Proc;
  readonly offload: Offload;
  readonly lock: LivenessLock;
  readonly log: Log;
  /** A named point at which a test may crash, pause or fail the process; does nothing in production. */
  fault(point: string): void;
}
