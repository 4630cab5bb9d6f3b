/**
 * Groups whose members are librdkafka, kafkajs, the Java client, franz-go and our own command, which join, leave and are killed in random
 * order while lines come in. No record is skipped; none is seen twice except where a member was killed before its commit; and of the
 * members that tell when they own a partition no two do at once. STREAMCTL_CHANGES changes of the members (20; 500 for a release).
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { goMember } from './go-member.ts';
import { GroupMember, type GroupPlace, type GroupProtocol, type MemberKind } from './group-members.ts';
import { kafkaJars } from './kafka-jars.ts';
import { kcat, PeerMissing } from './peers.ts';

const CHANGES = Number(process.env['STREAMCTL_CHANGES'] ?? 20);
/** kafkajs and the librdkafka of kcat know no KIP-848. */
const KINDS: Readonly<Record<GroupProtocol, readonly MemberKind[]>> = {
  classic: ['kcat', 'kafkajs', 'java', 'go', 'streamctl'],
  consumer: ['java', 'go', 'streamctl'],
};
const MEMBERS_MAX = 6;
const PARTITION_COUNT = 8;
/** Long enough for a busy machine, where a member that is not killed must never be taken for dead. */
const SESSION_MS = 10_000;
const PATIENCE_MS = 300_000;
const TOPIC = 't';

describe('a group of many clients', () => {
  for (const protocol of ['classic', 'consumer'] as const) {
    it(`${protocol}: ${CHANGES} joins, leaves and kills under load`, async function () {
      const kinds = KINDS[protocol].filter(isHere);
      if (kinds.length < 2) this.skip();
      await withFolder(async (folder) => {
        const setting = ['-X', `group.consumer.session.timeout.ms=${SESSION_MS}`];
        const serving = await startServe(`${folder}/data`, ...setting);
        const place = { bootstrap: serving.bootstrap, groupId: 'g', topic: TOPIC, protocol, sessionMs: SESSION_MS };
        const members: GroupMember[] = [];
        try {
          const ends = await changeUnderLoad(place, kinds, members);
          judge(members, ends, protocol);
        } finally {
          for (const member of members) member.kill();
          await Promise.all(members.map(({ gone }) => gone));
          await serving.kill();
        }
      });
    }).timeout(600_000 + CHANGES * 30_000);
  }
});

/** Says loudly what cannot take part, and fails where STREAMCTL_PEERS=required. */
function isHere(kind: MemberKind): boolean {
  try {
    if (kind === 'kcat') kcat();
    if (kind === 'java') kafkaJars();
    if (kind === 'go') goMember();
    return true;
  } catch (error) {
    if (!(error instanceof PeerMissing) || process.env['STREAMCTL_PEERS'] === 'required') throw error;
    process.stderr.write(`\nNOT IN THE GROUP: ${kind.toUpperCase()}: ${error.message}\n`);
    return false;
  }
}

/** Answers the end of each partition when members of the group have read all and left. */
async function changeUnderLoad(
  place: GroupPlace,
  kinds: readonly MemberKind[],
  members: GroupMember[],
): Promise<readonly number[]> {
  const args = ['topics', 'create', TOPIC, '--partitions', `${PARTITION_COUNT}`, '-b', place.bootstrap];
  assert.equal((await streamctl(args)).status, 0);
  const kafka = new Kafka({ clientId: 'load', brokers: [place.bootstrap], logLevel: logLevel.NOTHING });
  const load = new Load(kafka.producer());
  const live = () => members.filter(({ wasKilled, isAsked }) => !wasKilled && !isAsked);
  const join = (kind: MemberKind) => members.push(new GroupMember(`${members.length}-${kind}`, kind, place));
  for (const kind of kinds) join(kind);
  // Each kind takes part in earnest before the changes begin.
  await until('each kind of member reads', () => members.every(({ seen }) => seen.length > 0));
  for (let change = 0; change < CHANGES; change++) {
    await sleep(Math.random() * 3000);
    const there = live();
    const one = there[Math.floor(Math.random() * there.length)];
    const chance = Math.random();
    if (there.length < 3 || one === undefined || (chance < 0.5 && there.length < MEMBERS_MAX)) {
      join(kinds[Math.floor(Math.random() * kinds.length)] ?? 'streamctl');
    } else if (chance < 0.75) one.leave();
    else one.kill();
  }
  await load.stop();
  const admin = kafka.admin();
  await admin.connect();
  try {
    await until('the group comes to the end', async () => {
      const [topic] = await admin.fetchOffsets({ groupId: place.groupId, topics: [TOPIC] });
      return (topic?.partitions ?? []).every(({ partition, offset }) => Number(offset) === load.ends[partition]);
    });
  } finally {
    await admin.disconnect();
  }
  for (const member of live()) member.leave();
  const left = new Set(members.map(({ name }) => name));
  for (const { name, gone } of members) void gone.then(() => left.delete(name));
  await until(
    () => `${[...left].join(', ')} to end`,
    () => left.size === 0,
  );
  return load.ends;
}

function namesOf(members: readonly GroupMember[]): string {
  return members.map(({ name, wasKilled }) => (wasKilled ? `${name} (killed)` : name)).join(', ') || 'nobody';
}

function judge(members: readonly GroupMember[], ends: readonly number[], protocol: GroupProtocol): void {
  const seen = ends.map(() => new Map<number, GroupMember[]>());
  for (const member of members) {
    for (const { partition, offset } of member.seen) {
      const by = seen[partition]?.get(offset);
      if (by === undefined) seen[partition]?.set(offset, [member]);
      else by.push(member);
    }
  }
  const faults: string[] = [];
  let [skipped, repeated, lostByKcat] = [0, 0, 0];
  for (const [partition, end] of ends.entries()) {
    for (let offset = 0; offset < end; offset++) {
      const by = seen[partition]?.get(offset) ?? [];
      const where = `${TOPIC}-${partition} ${offset}`;
      if (by.length === 0) {
        // kcat may commit a line before it has written it: what a kill of it costs is counted, and is not the broker's.
        if (isKilledKcatsNext(members, partition, offset)) lostByKcat += 1;
        else {
          skipped += 1;
          const [before, after] = [-1, 1].map((by) => namesOf(seen[partition]?.get(offset + by) ?? []));
          faults.push(`${where} was skipped; before it ${before}, after it ${after}`);
        }
      }
      if (by.length < 2) continue;
      repeated += 1;
      const names = namesOf(by);
      // One of them may go on; all others were killed, and had not committed it as far as they knew.
      const alive = by.filter(({ wasKilled }) => !wasKilled);
      if (alive.length > 1 || new Set(by).size < by.length) faults.push(`${where} was seen by ${names}`);
      for (const member of by) {
        if (member.wasKilled && offset < (member.committed.get(partition) ?? 0) && alive.length > 0) {
          faults.push(`${where} was committed by ${member.name}, and seen by ${names}`);
        }
      }
    }
  }
  faults.push(...ownedTwice(members));
  const told = {
    protocol,
    changes: CHANGES,
    members: members.length,
    killed: members.filter(({ wasKilled }) => wasKilled).length,
    fenced: members.filter(({ wasFenced, wasKilled }) => wasFenced && !wasKilled).map(({ name }) => name),
    records: ends.reduce((sum, end) => sum + end, 0),
    skipped,
    repeated,
    lostByKcat,
    ownerships: members.reduce((sum, { owned }) => sum + owned.length, 0),
  };
  process.stderr.write(`      ${JSON.stringify(told)}\n`);
  const spoken = members
    .filter(({ stderr }) => stderr !== '')
    .map(({ name, stderr }) => `${name}: ${stderr.slice(-1500)}`);
  assert.deepEqual(faults.slice(0, 20), [], `${faults.length} faults; what members said:\n${spoken.join('\n')}`);
}

/** Whether a kcat that was killed had seen the record before `offset` last. */
function isKilledKcatsNext(members: readonly GroupMember[], partition: number, offset: number): boolean {
  return members.some(({ kind, wasKilled, seen }) => {
    if (kind !== 'kcat' || !wasKilled) return false;
    const last = seen.findLast((record) => record.partition === partition);
    return last?.offset === offset - 1;
  });
}

/** Of the members that tell: where one owned a partition before another had let it go. Who was killed tells no end. */
function ownedTwice(members: readonly GroupMember[]): string[] {
  const faults: string[] = [];
  for (let partition = 0; partition < PARTITION_COUNT; partition++) {
    const all = members
      .flatMap((member) => member.owned.map((ownership) => ({ ...ownership, member })))
      .filter((ownership) => ownership.partition === partition)
      .sort((left, right) => left.fromMs - right.fromMs);
    for (const [at, { untilMs, member }] of all.entries()) {
      const next = all[at + 1];
      if (next === undefined || (untilMs === undefined && member.wasKilled)) continue;
      if (untilMs === undefined || next.fromMs < untilMs) {
        faults.push(
          `${TOPIC}-${partition} was ${member.name}'s until ${untilMs}, ${next.member.name}'s from ${next.fromMs}`,
        );
      }
    }
  }
  return faults;
}

/** Some lines to every partition several times a second. */
class Load {
  readonly #producer: Producer;
  readonly ends: number[] = Array.from({ length: PARTITION_COUNT }, () => 0);
  readonly #done: Promise<void>;
  #isStopped = false;

  constructor(producer: Producer) {
    this.#producer = producer;
    this.#done = this.#run();
    // It is told when the load is stopped.
    this.#done.catch(() => undefined);
  }

  async #run(): Promise<void> {
    await this.#producer.connect();
    while (!this.#isStopped) {
      const messages = this.ends.flatMap((_, partition) =>
        Array.from({ length: 1 + Math.floor(Math.random() * 20) }, () => ({ partition, value: 'line' })),
      );
      const answers = await this.#producer.send({ topic: TOPIC, messages });
      for (const { partition, baseOffset } of answers) {
        const count = messages.filter((message) => message.partition === partition).length;
        this.ends[partition] = Number(baseOffset) + count;
      }
      await sleep(200);
    }
    await this.#producer.disconnect();
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#done;
  }
}

async function until(what: string | (() => string), condition: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < endMs, `waited for: ${typeof what === 'string' ? what : what()}`);
    await sleep(200);
  }
}
