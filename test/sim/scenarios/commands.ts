/** The commands of a scenario, each a process: the real cores of `streamctl` on simulated streams. */
import { CliError } from '../../../src/cli/cli-error.ts';
import { type ConsumeCommand, runConsume } from '../../../src/cli/consume.ts';
import type { CommonOptions } from '../../../src/cli/global-flags.ts';
import type { Host } from '../../../src/cli/host.ts';
import { runProduce } from '../../../src/cli/produce.ts';
import { runServe } from '../../../src/cli/serve.ts';
import { runTopicsCreate, runTopicsDelete } from '../../../src/cli/topics.ts';
import { ClientError } from '../../../src/client/client-error.ts';
import { ClusterError } from '../../../src/cluster/cluster-error.ts';
import { UnknownFormatError } from '../../../src/log/close-record.ts';
import { ForeignLogDirectoryError } from '../../../src/log/log-directory.ts';
import { RECEIPTS, simHost } from '../sim-host.ts';
import type { SimMachine, SimProgram } from '../sim-machine.ts';
import { type Ledger, lineOf, type ProducerStory, type Seen } from './ledger.ts';

export const DIRECTORY = '/data';
export const TOPIC = 't';
export const PORT = 9092;

const NEWLINE = Buffer.from('\n');

/** `path`: by directory; `port`: by -b. */
export function commonOptions(by: 'directory' | 'port', timeoutMs: number): CommonOptions {
  const target =
    by === 'directory'
      ? ({ kind: 'directory', path: DIRECTORY } as const)
      : ({ kind: 'bootstrap', servers: [{ host: '127.0.0.1', port: PORT }] } as const);
  return { target, timeoutMs, quiet: true, verbose: false, json: false, noColor: true };
}

/** Runs a command as its own process; an error that a user can meet becomes an exit status, as `bin/` does it. */
export function spawnCommand(
  machine: SimMachine,
  name: string,
  command: (host: Host, program: SimProgram) => Promise<number>,
  onLine?: (line: string, program: SimProgram) => void,
): SimProgram {
  const program = machine.spawn(name, async (self) => {
    try {
      return await command(
        simHost(self, (line) => onLine?.(line, self)),
        self,
      );
    } catch (error) {
      if (error instanceof CliError) return noted(self, error, error.exitCode);
      if (error instanceof ClientError) return noted(self, error, error.kind === 'not-found' ? 5 : 1);
      if (isDiskTrouble(error)) return noted(self, error, 1);
      if (DAMAGED.has(machine) && isTold(error)) return noted(self, error, 1);
      throw error;
    }
  });
  return program;
}

/** Machines on which files are damaged, so that a command may have to say so and end. */
const DAMAGED = new WeakSet<SimMachine>();

export function expectDamage(machine: SimMachine): void {
  DAMAGED.add(machine);
}

function isTold(error: unknown): error is Error {
  return (
    error instanceof ClusterError || error instanceof ForeignLogDirectoryError || error instanceof UnknownFormatError
  );
}

const DISK_TROUBLE: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EROFS']);

/** What only a disk that was made to fail gives: bin/ would say so and exit. */
export function isDiskTrouble(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && DISK_TROUBLE.has(error.code);
}

function noted({ stdio }: SimProgram, error: Error, exitCode: number): number {
  stdio.note(error.message);
  return exitCode;
}

export function createTopic(
  machine: SimMachine,
  partitions: number,
  configs: ReadonlyMap<string, string>,
  topic = TOPIC,
): SimProgram {
  return spawnCommand(machine, 'create', (host) =>
    runTopicsCreate(host, commonOptions('directory', 0), {
      name: topic,
      partitions,
      replicationFactor: 1,
      configs,
      ifNotExists: true,
    }),
  );
}

export function deleteTopic(machine: SimMachine, topic: string): SimProgram {
  return spawnCommand(machine, 'delete', (host) => runTopicsDelete(host, commonOptions('directory', 0), [topic], true));
}

export function serve(machine: SimMachine): SimProgram {
  return spawnCommand(machine, 'serve', (host) =>
    runServe(host, commonOptions('directory', 30_000), {
      listen: `127.0.0.1:${PORT}`,
      advertise: undefined,
      insecureListen: false,
      assignments: [],
      configFile: undefined,
      durability: undefined,
      readyDescriptor: undefined,
    }),
  );
}

export interface Feeding {
  readonly lineCount: number;
  readonly lineBytesMax: number;
  /** At most so many lines at once, and at most so long between. */
  readonly burstCount: number;
  readonly gapMs: number;
  /** `--timeout`; 0 = for ever. */
  readonly timeoutMs: number;
  /** `--create=N`; left out: the topic must be there. */
  readonly createPartitions?: number;
  /** TOPIC when left out. */
  readonly topic?: string;
}

/** A producer whose input comes in bursts, and what it was told. */
export function produce(
  machine: SimMachine,
  ledger: Ledger,
  name: string,
  by: 'directory' | 'port',
  feeding: Feeding,
): SimProgram {
  const story = ledger.producer(name, feeding.topic);
  const program = spawnCommand(
    machine,
    name,
    async (host, { process }) => {
      const code = await runProduce(host, commonOptions(by, feeding.timeoutMs), {
        topic: feeding.topic ?? TOPIC,
        files: [],
        delimiter: NEWLINE,
        keyDelimiter: undefined,
        partition: undefined,
        codec: 'none',
        acks: -1,
        createPartitions: feeding.createPartitions,
        receipts: RECEIPTS,
      });
      if (code === 0 && !process.isDead) story.isDone = true;
      return code;
    },
    (line) => {
      story.ackedCount = Math.max(story.ackedCount, (JSON.parse(line) as { lines: number }).lines);
    },
  );
  feed(machine, program, story, feeding);
  return program;
}

function feed(machine: SimMachine, program: SimProgram, story: ProducerStory, feeding: Feeding): void {
  const chance = machine.world.chance.fork();
  const burst = (): void => {
    if (program.process.isDead) return;
    const count = Math.min(feeding.lineCount - story.fedCount, chance.between(1, feeding.burstCount));
    const lines: string[] = [];
    for (let at = 0; at < count; at++) {
      lines.push(`${lineOf(story.name, story.fedCount++, chance.between(0, feeding.lineBytesMax))}\n`);
    }
    program.stdio.feed(Buffer.from(lines.join('')));
    if (story.fedCount < feeding.lineCount) machine.world.after(chance.fraction() * feeding.gapMs, burst);
    else program.stdio.endInput();
  };
  machine.world.after(chance.fraction() * feeding.gapMs, burst);
}

/** A consumer from the beginning that prints partition, offset and value of each record. */
export function follow(
  machine: SimMachine,
  name: string,
  by: 'directory' | 'port',
  exitAtEnd: boolean,
  topic = TOPIC,
): SimProgram {
  return spawnCommand(machine, name, (host) =>
    runConsume(host, commonOptions(by, 0), { ...PRINTED, topics: [topic], exitAtEnd }),
  );
}

/** All records from the beginning, each with its partition and offset. */
const PRINTED: Omit<ConsumeCommand, 'topics' | 'exitAtEnd'> = {
  partitions: undefined,
  start: { kind: 'earliest' },
  maxRecords: undefined,
  isolation: 'read_uncommitted',
  delimiter: NEWLINE,
  sink: (out) => ({
    record: (view) => {
      out.text(`${view.partition} ${view.offset} `);
      out.bytes(view.source, view.valueStart, view.valueEnd);
      out.byte(10);
    },
  }),
};

export interface Membership {
  readonly groupId: string;
  readonly protocol: 'classic' | 'consumer' | undefined;
  /** Of a static member. */
  readonly instanceId?: string | undefined;
  readonly by: 'directory' | 'port';
  readonly exitAtEnd: boolean;
  /** `--timeout`; 0 = for ever. */
  readonly timeoutMs: number;
}

/** A consumer of a group, from the beginning, that prints as `follow` does. */
export function consumeInGroup(machine: SimMachine, name: string, membership: Membership): SimProgram {
  const { groupId, protocol, instanceId, by, exitAtEnd, timeoutMs } = membership;
  return spawnCommand(machine, name, (host) =>
    runConsume(host, commonOptions(by, timeoutMs), {
      ...PRINTED,
      topics: [TOPIC],
      exitAtEnd,
      group: { groupId, protocol, instanceId, fsync: false },
    }),
  );
}

/** Reads a consumer's output as it grows. */
export class FollowerReader {
  readonly program: SimProgram;
  readonly #ledger: Ledger;
  readonly #nextOffsets = new Map<number, number>();
  readonly #startsAnywhere: boolean;
  #readBytes = 0;
  #rest = '';

  /** `startsAnywhere`: what lies before the first record that it printed was deleted. */
  constructor(program: SimProgram, ledger: Ledger, startsAnywhere = false) {
    this.#startsAnywhere = startsAnywhere;
    this.program = program;
    this.#ledger = ledger;
  }

  /** The offset after the last one that it printed. */
  nextOffset(partition: number): number {
    return this.#nextOffsets.get(partition) ?? 0;
  }

  /**
   * What it printed since; I-3 and I-25: each partition in order, nothing left out, nothing twice. `isPromise`: whether what is
   * shown must stay.
   */
  read(isPromise = true): Seen[] {
    const { process, stdio } = this.program;
    if (stdio.outputBytes === this.#readBytes) return [];
    const text = this.#rest + stdio.output().subarray(this.#readBytes).toString('latin1');
    this.#readBytes = stdio.outputBytes;
    const lines = text.split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.map((line) => {
      const [, partition = '', offset = '', value = ''] = /^(\d+) (\d+) (.*)$/.exec(line) ?? [];
      const seen: Seen = { partition: Number(partition), offset: Number(offset), value };
      const isFirst = this.#startsAnywhere && !this.#nextOffsets.has(seen.partition);
      const expected = isFirst ? seen.offset : this.nextOffset(seen.partition);
      if (value === '' || seen.offset !== expected) {
        process.world.violate(
          'I-25',
          `${process.name} printed "${line.slice(0, 40)}" where offset ${expected} was next`,
        );
      }
      this.#nextOffsets.set(seen.partition, seen.offset + 1);
      if (isPromise) this.#ledger.shown(seen, process.name);
      return seen;
    });
  }
}
