/**
 * I-30: after a write or a sync of a log failed with anything but want of room, its broker writes nothing more to that log:
 * a sync that succeeds later proves nothing of pages that were dropped. Only whoever loads the log anew may: a recovery writes
 * again what it keeps.
 */
import type { DiskCall, DiskFault } from './disk-faults.ts';
import type { OwnerChecker } from './owner-checker.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimProcess } from './sim-process.ts';

const SHORTAGE: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT']);

export class SyncChecker {
  readonly #machine: SimMachine;
  readonly #owner: OwnerChecker;
  /** `<registration> <folder>` of logs that failed, with the time of the failure's beginning. */
  readonly #failed = new Map<string, number>();

  constructor(machine: SimMachine, owner: OwnerChecker) {
    this.#machine = machine;
    this.#owner = owner;
  }

  /** To be called as a process makes a call, with the fault that it will meet. */
  check(call: DiskCall, path: string, process: SimProcess, fault: DiskFault | undefined): void {
    const isLoad = path.endsWith(LOADED_FILE);
    if (!isLoad && (!path.endsWith('.log') || (call !== 'write' && call !== 'datasync'))) return;
    // A process that registers once more recovers the log, as any other does that comes after.
    const newest = this.#owner.newest();
    if (newest?.pid !== process.pid) return;
    const key = `${newest.number} ${path.slice(0, path.lastIndexOf('/'))}`;
    if (isLoad) {
      if (isReading(call)) this.#failed.delete(key);
      return;
    }
    const failedMs = this.#failed.get(key);
    const { world } = this.#machine;
    // The process is told when the call ends; what it has begun by then is no sign of trust.
    if (failedMs !== undefined && world.nowMs > failedMs + TOLD_MS) {
      world.violate('I-30', `process ${process.pid} did ${call} of ${path} after one failed`);
    }
    if (fault === undefined || fault.kind === 'slow' || SHORTAGE.has(fault.code)) return;
    if (failedMs === undefined) this.#failed.set(key, world.nowMs);
  }
}

/** Read when a log is loaded, and at no other time. */
const LOADED_FILE = '/leader-epoch-checkpoint';

function isReading(call: DiskCall): boolean {
  return call === 'readFile' || call === 'openToRead';
}

/** Longer than a call that fails takes. */
const TOLD_MS = 900;
