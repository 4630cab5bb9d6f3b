/**
 * Damage at rest: after a clean close one file of the directory is changed, as a bad disk or a bad copy changes it. Whatever
 * is shown afterwards is what was shown before, or it is told that something is wrong; and no log is cut on account of it (I-29).
 */
import { OwnerChecker } from '../owner-checker.ts';
import type { Prng } from '../prng.ts';
import type { Scenario, SeedRun } from '../seed-run.ts';
import type { SimProgram } from '../sim-machine.ts';
import { deleteRecords } from './admin.ts';
import { createTopic, DIRECTORY, expectDamage, FollowerReader, follow, produce, serve } from './commands.ts';
import { Ledger, lineOf, type Seen } from './ledger.ts';

const STEP_MS = 120_000;
const SECTOR_BYTES = 512;
const DAMAGES = ['flipped bit', 'flipped bit', 'zeroed sector', 'cut short'] as const;

export const servedDamage: Scenario = { name: 'served-damage', run: (run) => new ServedDamage(run).run() };

class ServedDamage {
  readonly #run: SeedRun;
  readonly #chance: Prng;
  readonly #ledger: Ledger;

  constructor(run: SeedRun) {
    this.#run = run;
    this.#chance = run.world.chance.fork();
    this.#ledger = new Ledger(run.world);
    const owner = new OwnerChecker(run.machine, DIRECTORY);
    run.machine.onDiskDone = (call, path, process) => owner.check(call, path, process);
  }

  async run(): Promise<void> {
    const { world, machine } = this.#run;
    await this.#write();
    const before = await this.#read();
    if (before.code !== 0) world.violate('I-31', `a consumer ended with ${before.code} before anything was damaged`);
    if (world.violations.length > 0) return;
    expectDamage(machine);
    const where = this.#damage();
    const sizes = this.#logSizes();
    const server = this.#chance.hits(0.4) ? serve(machine) : undefined;
    await this.#judge(before.records, where);
    const acked = await this.#produce();
    if (server !== undefined) {
      server.process.signal('SIGTERM');
      await this.#ended(server);
    }
    await this.#judge(before.records, where, acked);
    for (const [path, bytes] of sizes) {
      const left = machine.files.find(path)?.content.size ?? 0;
      if (left < bytes) world.violate('I-29', `${path} had ${bytes} bytes, and has ${left} after ${where}`);
    }
  }

  async #write(): Promise<void> {
    const { machine } = this.#run;
    const configs = new Map([
      ['segment.ms', String(this.#chance.pick([50, 300, 604_800_000]))],
      ['index.interval.bytes', String(this.#chance.pick([0, 300]))],
      ['file.delete.delay.ms', '0'],
    ]);
    await this.#ended(createTopic(machine, this.#chance.between(1, 2), configs));
    for (let at = 0; at < 3; at++) await this.#produce();
    if (this.#chance.hits(0.3)) await this.#ended(deleteRecords(machine, 0, 5, () => undefined));
  }

  /** Some lines; answers how many of whom were acked. */
  async #produce(): Promise<{ readonly producer: string; readonly count: number }> {
    const producer = `p${this.#ledger.producers.size}`;
    const program = produce(this.#run.machine, this.#ledger, producer, 'directory', {
      lineCount: this.#chance.between(4, 40),
      lineBytesMax: this.#chance.pick([20, 300, 1500]),
      burstCount: this.#chance.pick([2, 10]),
      gapMs: 60,
      timeoutMs: 10_000,
    });
    await this.#ended(program);
    return { producer, count: this.#ledger.producers.get(producer)?.ackedCount ?? 0 };
  }

  async #read(): Promise<{ readonly code: number | undefined; readonly records: readonly Seen[] }> {
    const reader = new FollowerReader(follow(this.#run.machine, 'judge', 'directory', true), this.#ledger, true);
    const code = await this.#ended(reader.program);
    return { code, records: reader.read() };
  }

  /** A consumer that ends well must have shown all there was, and all that was acked since. */
  async #judge(
    before: readonly Seen[],
    where: string,
    acked?: { readonly producer: string; readonly count: number },
  ): Promise<void> {
    const { code, records } = await this.#read();
    if (code !== 0) return;
    const there = new Set(records.map(({ partition, offset }) => `${partition}:${offset}`));
    const lost = before.find(({ partition, offset }) => !there.has(`${partition}:${offset}`));
    if (lost !== undefined) {
      const text = `offset ${lost.offset} of partition ${lost.partition} is not shown after ${where}, and nothing is told`;
      this.#run.world.violate('I-29', text);
    }
    if (acked === undefined) return;
    const values = new Set(records.map(({ value }) => value.split('.')[0]));
    for (let line = 0; line < acked.count; line++) {
      if (values.has(lineOf(acked.producer, line, 0))) continue;
      this.#run.world.violate(
        'I-1',
        `line ${line} of ${acked.producer} was acked after ${where}, and is not in the log`,
      );
      return;
    }
  }

  /** Changes one file; says what and where. */
  #damage(): string {
    const { world, machine } = this.#run;
    const files = machine.files.files(DIRECTORY).filter(({ inode }) => inode.content.size > 0);
    const wantsLog = this.#chance.hits(0.5);
    const kind = this.#chance.pick([...new Set(files.map(({ path }) => kindOf(path)))]);
    const isHit = (path: string): boolean => (wantsLog ? path.endsWith('.log') : kindOf(path) === kind);
    const { path, inode } = this.#chance.pick(files.filter((file) => isHit(file.path)));
    const { content } = inode;
    const how = this.#chance.pick(DAMAGES);
    const position = this.#chance.between(0, content.size - 1);
    if (how === 'flipped bit') content.damage(position, this.#chance.between(0, 7));
    else if (how === 'cut short') content.truncate(position);
    else {
      const from = position - (position % SECTOR_BYTES);
      content.write(Buffer.alloc(Math.min(SECTOR_BYTES, content.size - from)), from);
    }
    content.sync(content.changeCount);
    const where = `a ${how} at ${position} of ${path}`;
    world.note('damage', where);
    return where;
  }

  #logSizes(): ReadonlyMap<string, number> {
    const files = this.#run.machine.files.files(DIRECTORY).filter(({ path }) => path.endsWith('.log'));
    return new Map(files.map(({ path, inode }) => [path, inode.content.size]));
  }

  async #ended({ process, stdio }: SimProgram): Promise<number | undefined> {
    const { world, operation } = this.#run;
    await world.run(() => process.isDead, STEP_MS);
    if (!process.isDead) world.violate('I-31', `${process.name} did not end: ${stdio.notes().join('; ')}`);
    operation();
    return process.exitCode;
  }
}

/** Files of one kind are as likely to be hit as those of another, however many there are. */
function kindOf(path: string): string {
  return path.replaceAll(/\d+/g, 'n');
}
