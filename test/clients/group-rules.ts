/**
 * The harness of the rules R11 to R18: readers of one group as one seam, the shell scripts that they run in, and the count of what a
 * run has lost, by what its group has committed and what came out of it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { cleanEnvironment, type Ended, ended, STREAMCTL, streamctl } from '../helpers/streamctl.ts';
import { kcat } from './peers.ts';

export interface Reading {
  readonly topic: string;
  readonly group: string;
  /** `-e`: to the end, and then no further. */
  readonly exitsAtEnd?: boolean;
  readonly count?: number;
  /** A static member. */
  readonly instanceId?: string;
  /** Each record is written as it comes, by whoever holds some back otherwise. */
  readonly isUnbuffered?: boolean;
  readonly crossesGaps?: boolean;
}

/** A program that reads as a member of a group. */
export interface Reader {
  readonly name: string;
  /** A simple command of the shell, whose records are lines of `partition offset`. */
  command(bootstrap: string, reading: Reading): string;
}

const FORMAT = String.raw`'%p %o\n'`;
/** kcat's session and interval are ours; a group that is new begins where ours does. */
const KCAT_SETTINGS = ['session.timeout.ms=6000', 'auto.commit.interval.ms=1000', 'auto.offset.reset=earliest'];

export const OURS: Reader = {
  name: 'streamctl',
  command: (bootstrap, { topic, group, exitsAtEnd, count, instanceId, crossesGaps }) =>
    [
      ...[`'${process.execPath}' '${STREAMCTL}' consume ${topic} -g ${group} -b ${bootstrap} -f ${FORMAT}`],
      ...(exitsAtEnd ? ['-e'] : []),
      ...(count === undefined ? [] : [`-c ${count}`]),
      ...(instanceId === undefined ? [] : [`--group-instance-id ${instanceId}`]),
      ...(crossesGaps ? ['--on-gap earliest'] : []),
    ].join(' '),
};

export const KCAT: Reader = {
  name: 'kcat -G',
  command: (bootstrap, { topic, group, exitsAtEnd, count, instanceId, isUnbuffered }) =>
    [
      ...[kcat(), '-q', '-b', bootstrap, '-f', FORMAT, ...KCAT_SETTINGS.map((setting) => `-X ${setting}`)],
      ...(exitsAtEnd ? ['-e'] : []),
      ...(count === undefined ? [] : [`-c ${count}`]),
      ...(instanceId === undefined ? [] : [`-X group.instance.id=${instanceId}`]),
      ...(isUnbuffered ? ['-u'] : []),
      ...['-G', group, topic],
    ].join(' '),
};

/** What scripts say: `gone PID SECONDS` tells how a reader ends, `until_true CONDITION` waits for what must come. */
const PRELUDE = `set -m
until_true() { for _ in $(seq 400); do eval "$1" && return; sleep 0.05; done; echo "never: $1" >&2; exit 99; }
gone() {
  for _ in $(seq $(($2 * 20))); do kill -0 $1 2> /dev/null || break; sleep 0.05; done
  if kill -0 $1 2> /dev/null; then kill -9 $1; wait $1 2> /dev/null; echo "still there after $2 s"; else wait $1; echo "exit $?"; fi
}
`;

/** Partition -> offset: where the next run of the group begins. */
type Committed = ReadonlyMap<number, number>;

export interface Count {
  /** Records before the committed offsets that never came out: no run will read them. */
  readonly lost: number;
  /** Records behind them that came out: the next run reads them again. */
  readonly again: number;
  /** Records that came out more than once. */
  readonly twice: number;
  readonly committed: number;
}

/** One reader at one broker, in a folder of its own. */
export class RuleBench {
  readonly reader: Reader;
  readonly bootstrap: string;
  readonly folder: string;
  #groupCount = 0;

  constructor(reader: Reader, bootstrap: string, folder: string) {
    this.reader = reader;
    this.bootstrap = bootstrap;
    this.folder = mkdtempSync(join(folder, `${reader.name.replaceAll(/\W/g, '')}-`));
  }

  /** A name that no other bench gives. */
  newGroup(): string {
    return `${basename(this.folder)}-${++this.#groupCount}`;
  }

  read(reading: Reading): string {
    return this.reader.command(this.bootstrap, reading);
  }

  /** Runs a script of bash in the folder; its lines of standard output. */
  async run(script: string): Promise<{ readonly lines: readonly string[]; readonly stderr: string }> {
    const child = spawn('bash', ['-c', PRELUDE + script], { cwd: this.folder, env: cleanEnvironment() });
    child.stdin.end();
    const { status, stdout, stderr } = await ended(child);
    assert.equal(status, 0, stderr);
    return { lines: stdout.toString().split('\n').filter(Boolean), stderr };
  }

  /** `streamctl` against the broker of this bench. */
  async tool(args: string, input = ''): Promise<Ended> {
    return await streamctl([...args.split(' '), '-b', this.bootstrap], { input });
  }

  async committed(group: string): Promise<Committed> {
    const run = await this.tool(`offsets get ${group} --json`);
    if (run.status === EXIT.notFound) return new Map();
    assert.equal(run.status, EXIT.ok, run.stderr);
    const { items }: { items: { partition: number; offset: number }[] } = JSON.parse(run.stdout.toString());
    return new Map(items.map(({ partition, offset }) => [partition, offset]));
  }

  /** Whether nobody is a member of the group any more, by one look now. */
  async hasLeft(group: string): Promise<boolean> {
    const run = await this.tool(`groups describe ${group} --json`);
    assert.equal(run.status, EXIT.ok, run.stderr);
    const { items }: { items: { members: unknown[] }[] } = JSON.parse(run.stdout.toString());
    return items[0]?.members.length === 0;
  }

  /** Judges what a group has committed by what its members wrote to files of this folder. */
  async count(group: string, ...outputs: readonly string[]): Promise<Count> {
    const committed = await this.committed(group);
    const lines = outputs.flatMap((output) => this.#wholeLines(output));
    const seen = new Set(lines);
    let [lost, again] = [0, 0];
    for (const [partition, end] of committed) {
      for (let offset = 0; offset < end; offset++) if (!seen.has(`${partition} ${offset}`)) lost++;
    }
    for (const line of seen) {
      const [partition = -1, offset = -1] = line.split(' ').map(Number);
      if (offset >= (committed.get(partition) ?? 0)) again++;
    }
    const sum = [...committed.values()].reduce((total, end) => total + end, 0);
    return { lost, again, twice: lines.length - seen.size, committed: sum };
  }

  /** A line that a kill cut off is none. */
  #wholeLines(output: string): string[] {
    const file = join(this.folder, output);
    if (!existsSync(file)) return [];
    const text = readFileSync(file, 'latin1');
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean);
  }
}
