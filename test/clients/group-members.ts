/**
 * Members of one group by different clients, each a process that tells on its standard output what it sees:
 * `R partition offset` a record, `C partition offset` a commit that was acked, and where the client says so, with the time in ms,
 * `A ms partition` it owns a partition from then on, `X ms partition` not any more, `L ms partition` it lost it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, STREAMCTL } from '../helpers/streamctl.ts';
import { goMember } from './go-member.ts';
import { javaArguments } from './kafka-jars.ts';
import { kcat } from './peers.ts';

export type MemberKind = 'kcat' | 'kafkajs' | 'java' | 'go' | 'streamctl';
export type GroupProtocol = 'classic' | 'consumer';

export interface GroupPlace {
  readonly bootstrap: string;
  readonly groupId: string;
  readonly topic: string;
  readonly protocol: GroupProtocol;
  readonly sessionMs: number;
}

/** A record as one member saw it. */
export interface Seen {
  readonly partition: number;
  readonly offset: number;
}

/** From when to when a member said that it owned a partition; open while it does. */
export interface Ownership {
  readonly partition: number;
  readonly fromMs: number;
  untilMs: number | undefined;
}

const KAFKAJS_MEMBER = fileURLToPath(new URL('./kafkajs-member.ts', import.meta.url));
const JAVA_MEMBER = fileURLToPath(new URL('./java/GroupMember.java', import.meta.url));
/** kcat's and ours: the client tells no more than its records. */
const FORMAT = 'R %p %o\n';

export class GroupMember {
  readonly name: string;
  readonly kind: MemberKind;
  readonly #process: ChildProcess;
  readonly seen: Seen[] = [];
  readonly owned: Ownership[] = [];
  /** Partition -> the highest offset whose commit was acked. */
  readonly committed = new Map<number, number>();
  /** Resolved with the exit status, or the signal that ended it, when its output is complete. */
  readonly gone: Promise<number | string | null>;
  readonly #lost: Ownership[] = [];
  #rest = '';
  stderr = '';
  wasKilled = false;
  isAsked = false;

  constructor(name: string, kind: MemberKind, place: GroupPlace) {
    this.name = name;
    this.kind = kind;
    const [program, ...args] = commandOf(kind, place);
    this.#process = spawn(program ?? '', args, { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.stdout?.on('data', (chunk: Buffer) => this.#hear(chunk.toString()));
    this.#process.stderr?.on('data', (chunk: Buffer) => {
      this.stderr = (this.stderr + chunk.toString()).slice(-20_000);
    });
    this.gone = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('close', (status, signal) => resolve(status ?? signal));
    });
  }

  /** Whether partitions were taken from it because the broker took it for dead. */
  get wasFenced(): boolean {
    return this.#lost.length > 0;
  }

  /** Asks it to end as its users do: it commits and leaves. */
  leave(): void {
    this.isAsked = true;
    this.#process.kill(this.kind === 'kcat' ? 'SIGINT' : 'SIGTERM');
  }

  kill(): void {
    this.wasKilled = true;
    this.#process.kill('SIGKILL');
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const [what, first = '', second = ''] = line.split(' ');
      const [one, two] = [Number(first), Number(second)];
      if (what === 'R') this.seen.push({ partition: one, offset: two });
      else if (what === 'C') this.committed.set(one, Math.max(two, this.committed.get(one) ?? 0));
      else if (what === 'A') this.owned.push({ partition: two, fromMs: one, untilMs: undefined });
      else if (what === 'X' || what === 'L') this.#letGo(two, one, what === 'L');
    }
  }

  #letGo(partition: number, untilMs: number, isLost: boolean): void {
    for (const ownership of this.owned) {
      if (ownership.partition !== partition || ownership.untilMs !== undefined) continue;
      ownership.untilMs = untilMs;
      if (isLost) this.#lost.push(ownership);
    }
  }
}

function commandOf(
  kind: MemberKind,
  { bootstrap, groupId, topic, protocol, sessionMs }: GroupPlace,
): readonly string[] {
  const common = [bootstrap, groupId, topic];
  switch (kind) {
    case 'java':
      return ['java', ...javaArguments(JAVA_MEMBER, [...common, protocol, `${sessionMs}`])];
    case 'go':
      return [goMember(), ...common, protocol, `${sessionMs}`];
    case 'kafkajs':
      return [process.execPath, '--import=tsx', KAFKAJS_MEMBER, ...common, `${sessionMs}`];
    case 'streamctl':
      return [
        ...[process.execPath, STREAMCTL, 'consume', topic, '-b', bootstrap, '-g', groupId],
        ...['--group-protocol', protocol, '-f', FORMAT],
      ];
    case 'kcat':
      return [kcat(), '-G', groupId, '-b', bootstrap, '-u', '-f', FORMAT, ...settings(sessionMs), topic];
  }
}

function settings(sessionMs: number): string[] {
  const all = {
    'auto.offset.reset': 'earliest',
    'auto.commit.interval.ms': 500,
    'partition.assignment.strategy': 'range',
    'session.timeout.ms': sessionMs,
    'heartbeat.interval.ms': 500,
  };
  return Object.entries(all).flatMap(([name, value]) => ['-X', `${name}=${value}`]);
}
