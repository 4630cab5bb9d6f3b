/**
 * I-3, I-13: a process that takes over from one that was killed writes with a higher leader epoch, so that whoever read what
 * the other had not made durable can tell. Whoever left a marker of its clean close may be followed in the same epoch.
 */
import type { DiskCall } from './disk-faults.ts';
import type { SimMachine } from './sim-machine.ts';
import type { SimProcess } from './sim-process.ts';

const HEADER_BYTES = 61;
const MARKER = '/.kafka_cleanshutdown';
const RETIRED = /\/([^/.]+)\.[^/]*-(?:delete|stray)$/;

export class EpochChecker {
  readonly #machine: SimMachine;
  readonly #logDirectory: string;
  /** Who appended last, by path of a partition's folder. */
  readonly #newest = new Map<string, { readonly pid: number; readonly epoch: number }>();
  /** Up to where the batches of a file are known. */
  readonly #positions = new Map<string, number>();
  /** Processes that closed cleanly. */
  readonly #clean = new Set<number>();

  /** `logDirectory`: brokers/<id>/log */
  constructor(machine: SimMachine, logDirectory: string) {
    this.#machine = machine;
    this.#logDirectory = logDirectory;
  }

  /** To be called as a call took effect. */
  check(call: DiskCall, path: string, process: SimProcess): void {
    if (!path.startsWith(this.#logDirectory)) return;
    if (call === 'rename') this.#renamed(path, process);
    if (!path.endsWith('.log')) return;
    // What is there before a process writes is not its own; a recovery writes the same bytes again.
    if (call === 'open' || call === 'truncate') this.#positions.delete(path);
    if (call === 'open' || call === 'truncate') this.#epochsBehind(path);
    if (call !== 'write') return;
    for (const epoch of this.#epochsBehind(path)) this.#appended(path, process.pid, epoch);
  }

  #renamed(path: string, process: SimProcess): void {
    if (path.endsWith(MARKER)) this.#clean.add(process.pid);
    const name = RETIRED.exec(path)?.[1];
    if (name !== undefined) this.#newest.delete(`${this.#logDirectory}/${name}`);
  }

  /** Of the batches behind the known position, which moves on. */
  #epochsBehind(path: string): number[] {
    const content = this.#machine.files.find(path)?.content;
    if (content === undefined) return [];
    const header = Buffer.alloc(HEADER_BYTES);
    const epochs: number[] = [];
    let position = this.#positions.get(path) ?? 0;
    while (position + HEADER_BYTES <= content.size) {
      content.read(header, position);
      const sizeBytes = header.readInt32BE(8) + 12;
      if (header[16] !== 2 || sizeBytes < HEADER_BYTES || position + sizeBytes > content.size) break;
      epochs.push(header.readInt32BE(12));
      position += sizeBytes;
    }
    this.#positions.set(path, position);
    return epochs;
  }

  #appended(path: string, pid: number, epoch: number): void {
    const folder = path.slice(0, path.lastIndexOf('/'));
    const newest = this.#newest.get(folder);
    const wasKilled = newest !== undefined && newest.pid !== pid && !this.#clean.has(newest.pid);
    if (wasKilled && epoch <= newest.epoch) {
      const text = `${path}: epoch ${epoch} of process ${pid}, after ${newest.epoch} of one that was killed`;
      this.#machine.world.violate('I-3', text);
    }
    this.#newest.set(folder, { pid, epoch });
  }
}
