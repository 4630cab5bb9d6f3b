/** What `doctor` sees in the files of the directory: whose it is, how it was left, what lies about. */
import { readClusterId } from '../cluster/cluster-directory.ts';
import { brokerFolder } from '../cluster/layout.ts';
import { lostFolder } from '../cluster/lost-folder.ts';
import { MetadataLog } from '../cluster/metadata-log.ts';
import { type OwnerRecord, readOwnerRecord } from '../cluster/owner-record.ts';
import type { Env } from '../kernel/env.ts';
import { CLEAN_MARKER_FILE } from '../log/clean-marker.ts';
import type { Diagnosis, Examined } from './doctor.ts';
import { BROKER_ID, describeProcess } from './find-broker.ts';

/** Who else may read, write or enter. */
const OTHERS_MODE = 0o077;

export async function checkPlace({ directory, host }: Examined): Promise<Diagnosis> {
  const check = 'place';
  const { env } = host;
  if ((await readClusterId(env, directory)) === undefined) {
    return { check, status: 'ok', text: `there is no cluster in ${directory} yet` };
  }
  const owner = await readOwnerRecord(env, directory, BROKER_ID);
  if (owner === undefined) return { check, status: 'ok', text: 'no broker was here' };
  if (owner.released) return { check, status: 'ok', text: 'free: the last broker gave it up' };
  return { check, ...judged(env, owner, directory) };
}

function judged(env: Env, owner: OwnerRecord, directory: string): Pick<Diagnosis, 'status' | 'text'> {
  const judgement = env.proc.judge(owner.process);
  if (judgement === 'alive') {
    const isStopped = env.proc.describeState(owner.process) === 'stopped';
    const text = `taken: ${describeProcess(env, owner, directory)}`;
    return {
      status: isStopped ? 'warn' : 'ok',
      text: isStopped ? `${text}; nobody gets at it before it goes on or ends` : text,
    };
  }
  if (judgement === 'dead') {
    const text = `process ${owner.process.pid} (${owner.command}) ended without giving it up: the next command recovers the logs`;
    return { status: 'warn', text };
  }
  const text = `process ${owner.process.pid} on host ${owner.process.hostId} had it and cannot be asked from here: the next command waits until it is silent for long enough`;
  return { status: 'warn', text };
}

/** Throws ClusterError `damaged` where no command could read it. */
export async function checkMetadata({ directory, host }: Examined): Promise<Diagnosis> {
  const check = 'metadata';
  const { env } = host;
  const clusterId = await readClusterId(env, directory);
  if (clusterId === undefined) return { check, status: 'ok', text: 'none yet' };
  const { image } = await MetadataLog.open(env, directory, clusterId);
  const owner = await readOwnerRecord(env, directory, BROKER_ID);
  const lost = await lostFolder(env, directory, BROKER_ID, image, owner);
  return lost === undefined
    ? { check, status: 'ok', text: `${image.topics.size} topics` }
    : { check, status: 'fail', text: `${image.topics.size} topics, and ${lost} with their records is missing` };
}

export async function checkLogs({ directory, host }: Examined): Promise<Diagnosis> {
  const check = 'logs';
  const { env } = host;
  const names = await listIfThere(env, `${brokerFolder(directory, BROKER_ID)}/log`);
  if (names.length === 0) return { check, status: 'ok', text: 'none yet' };
  const partitions = names.filter((name) => /-\d+$/.test(name)).length;
  const owner = await readOwnerRecord(env, directory, BROKER_ID);
  const isLive = owner !== undefined && !owner.released && env.proc.judge(owner.process) === 'alive';
  if (names.includes(CLEAN_MARKER_FILE)) {
    return {
      check,
      status: 'ok',
      text: `${partitions} partitions, closed cleanly ('streamctl log verify' checks every byte)`,
    };
  }
  if (isLive) return { check, status: 'ok', text: `${partitions} partitions, in use` };
  return {
    check,
    status: 'warn',
    text: `${partitions} partitions, not closed cleanly: the next command recovers them`,
  };
}

/** What recoveries and other topics of the same name left behind: it takes room until somebody removes it. */
export async function checkLeftovers({ directory, host }: Examined): Promise<Diagnosis> {
  const check = 'leftovers';
  const broker = brokerFolder(directory, BROKER_ID);
  const strays = (await listIfThere(host.env, `${broker}/log`)).filter((name) => /\.[0-9a-f]{32}-stray$/.test(name));
  const cut = await listIfThere(host.env, `${broker}/cut`);
  const found = [
    ...(strays.length === 0 ? [] : [`${strays.length} logs of topics that are gone (${broker}/log/*-stray)`]),
    ...(cut.length === 0 ? [] : [`${cut.length} pieces that recoveries cut off whole batches with (${broker}/cut)`]),
  ];
  if (found.length === 0) return { check, status: 'ok', text: 'none' };
  return { check, status: 'warn', text: `${found.join('; ')}: look at them, then remove them` };
}

export async function checkModes({ directory, host }: Examined): Promise<Diagnosis> {
  const check = 'modes';
  const { disk } = host.env;
  const open: string[] = [];
  const broker = brokerFolder(directory, BROKER_ID);
  for (const path of [directory, `${directory}/cluster`, broker, `${broker}/log`]) {
    const stat = await disk.stat(path);
    if (stat !== undefined && (stat.mode & OTHERS_MODE) !== 0) open.push(`${path} (${stat.mode.toString(8)})`);
  }
  if (open.length === 0) return { check, status: 'ok', text: 'only this user gets in' };
  return { check, status: 'warn', text: `other users may get at ${open.join(', ')}: chmod 700` };
}

async function listIfThere(env: Env, path: string): Promise<string[]> {
  return (await env.disk.stat(path)) === undefined ? [] : await env.disk.list(path);
}
