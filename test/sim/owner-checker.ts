/**
 * I-17: one writer per broker directory. Whoever changes something in `brokers/<id>/log/` must be the process of the newest
 * registration of that id in the metadata log, at the moment of the change. And I-15: each number is written once.
 */
import { decodeEntry } from '../../src/cluster/entries.ts';
import { entryFolder, entryNumber } from '../../src/cluster/layout.ts';
import type { DiskCall } from './disk-faults.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimProcess } from './sim-process.ts';

const WRITES: ReadonlySet<DiskCall> = new Set<DiskCall>([
  'write',
  'truncate',
  'rename',
  'link',
  'unlink',
  'rmdir',
  'mkdir',
]);

export interface Registered {
  readonly number: number;
  readonly pid: number;
  readonly command: string;
}

export class OwnerChecker {
  readonly #machine: SimMachine;
  readonly #directory: string;
  #readUpTo = 0;
  #seenState = '';
  #seenBoot = 0;
  #newest: Registered | undefined;

  constructor(machine: SimMachine, directory: string) {
    this.#machine = machine;
    this.#directory = directory;
  }

  /** The newest registration of broker 1, as the log has it now. */
  newest(): Registered | undefined {
    const folder = this.#machine.files.find(entryFolder(this.#directory));
    if (folder === undefined) return undefined;
    const state = `${this.#machine.bootCount} ${folder.number} ${this.#machine.files.folderChangeCount(folder)}`;
    if (state === this.#seenState) return this.#newest;
    this.#seenState = state;
    const numbers = [...folder.folder.names.keys()].map(entryNumber).filter((number) => number !== undefined);
    // A power cut may take back entries that nobody was told of.
    if (this.#machine.bootCount !== this.#seenBoot) this.#readUpTo = 0;
    this.#seenBoot = this.#machine.bootCount;
    for (const number of numbers.filter((each) => each > this.#readUpTo).sort((a, b) => a - b)) this.#read(number);
    this.#readUpTo = Math.max(0, ...numbers);
    return this.#newest;
  }

  process(): SimProcess | undefined {
    const pid = this.newest()?.pid;
    return this.#machine.alive().find((process) => process.pid === pid);
  }

  /** To be called as a call takes effect. */
  check(call: DiskCall, path: string, process: SimProcess): void {
    if (!WRITES.has(call) || !path.startsWith(`${this.#directory}/brokers/1/log`)) return;
    const newest = this.newest();
    if (newest?.pid === process.pid) return;
    const owner = newest === undefined ? 'nobody' : `process ${newest.pid} (entry ${newest.number})`;
    this.#machine.world.violate('I-17', `process ${process.pid} did ${call} of ${path}, which belongs to ${owner}`);
  }

  #read(number: number): void {
    const path = `${entryFolder(this.#directory)}/${String(number).padStart(20, '0')}.json`;
    const inode = this.#machine.files.find(path);
    if (inode === undefined) return;
    const entry = decodeEntry(path, inode.content.bytes());
    if (entry.type !== 'broker-registered' || entry.brokerId !== 1) return;
    // Skipped on replay when it expected another state; the one before it then still holds.
    if (entry.expects.lastNumber !== number - 1) return;
    this.#newest = { number, pid: entry.process.pid, command: entry.command };
  }
}
