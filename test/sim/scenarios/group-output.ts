/**
 * What the members of one group of `consume --group` put out, all together (I-25): no record left out, and one that comes again
 * comes from behind the last commit that was known before.
 */
import type { SimMachine, SimProgram } from '../sim-machine.ts';
import type { Ledger } from './ledger.ts';

export class GroupOutput {
  readonly #machine: SimMachine;
  readonly #ledger: Ledger;
  readonly #readers: MemberReader[] = [];
  /** By partition: all before it was put out. */
  readonly frontiers: number[] = [];
  /** By partition: what was last shown as committed. */
  readonly committed: number[] = [];
  repeats = 0;

  constructor(machine: SimMachine, ledger: Ledger) {
    this.#machine = machine;
    this.#ledger = ledger;
  }

  add(program: SimProgram): void {
    this.#readers.push(new MemberReader(program, [...this.committed]));
  }

  /** Reads what all members put out since. */
  read(): void {
    for (const reader of this.#readers) {
      for (const line of reader.lines()) this.#take(reader, line);
    }
  }

  /** I-23, and R11: OffsetFetch answered this, asked after all earlier answers; -1 for none. */
  shown(partition: number, offset: number): void {
    const { world } = this.#machine;
    const before = this.committed[partition] ?? -1;
    const frontier = this.frontiers[partition] ?? 0;
    if (offset < before) world.violate('I-23', `partition ${partition}: ${offset} is committed, after ${before}`);
    if (offset > frontier) {
      world.violate(
        'I-25',
        `partition ${partition}: ${offset} is committed, and only what is before ${frontier} was put out`,
      );
    }
    this.committed[partition] = offset;
  }

  #take(reader: MemberReader, line: string): void {
    const { world } = this.#machine;
    const { name, pid } = reader.program.process;
    const [, place = '', position = '', value = ''] = /^(\d+) (\d+) (.*)$/.exec(line) ?? [];
    const [partition, offset] = [Number(place), Number(position)];
    if (value === '') {
      world.violate('I-25', `${name}/${pid} put out "${line.slice(0, 40)}"`);
      return;
    }
    this.#ledger.shown({ partition, offset, value }, name);
    const frontier = this.frontiers[partition] ?? 0;
    const floor = reader.floorOf(partition, offset, this.committed[partition] ?? -1);
    if (offset > frontier) {
      world.violate('I-25', `${name}/${pid} put out ${partition}:${offset}, and nobody ${partition}:${frontier}`);
    } else if (offset === frontier) this.frontiers[partition] = offset + 1;
    else {
      this.repeats++;
      if (offset >= floor) return;
      world.violate('I-25', `${name}/${pid} put out ${partition}:${offset} again, and ${floor} was committed`);
    }
  }
}

/** Records of one partition that a member put out one behind the other. */
interface Stretch {
  readonly floor: number;
  /** What was committed as it began: whatever comes after it was asked for later. */
  readonly committedAtStart: number;
  nextOffset: number;
}

class MemberReader {
  readonly program: SimProgram;
  readonly #committedAtStart: readonly number[];
  readonly #stretches = new Map<number, Stretch>();
  #readBytes = 0;
  #rest = '';

  constructor(program: SimProgram, committedAtStart: readonly number[]) {
    this.program = program;
    this.#committedAtStart = committedAtStart;
  }

  lines(): string[] {
    const { stdio } = this.program;
    if (stdio.outputBytes === this.#readBytes) return [];
    const text = this.#rest + stdio.output().subarray(this.#readBytes).toString('latin1');
    this.#readBytes = stdio.outputBytes;
    const lines = text.split('\n');
    this.#rest = lines.pop() ?? '';
    return lines;
  }

  /** The first offset that may come again. */
  floorOf(partition: number, offset: number, committed: number): number {
    const before = this.#stretches.get(partition);
    if (before !== undefined && before.nextOffset === offset) {
      before.nextOffset++;
      return before.floor;
    }
    const floor = before?.committedAtStart ?? this.#committedAtStart[partition] ?? -1;
    this.#stretches.set(partition, { floor, committedAtStart: committed, nextOffset: offset + 1 });
    return floor;
  }
}
