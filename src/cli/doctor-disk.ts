/** What `doctor` finds out about the disk: its kind, its room, and what a sync costs. */
import { mountOf } from '../disk/file-system-kind.ts';
import { readFileIfThere } from '../log/atomic-file.ts';
import { describeBytes } from './byte-size.ts';
import type { Diagnosis, Examined } from './doctor.ts';
import { fileSystemOfNearest, nearestFolder } from './file-system-check.ts';

const PROBE_BYTES = 4096;
const PROBE_COUNT = 50;
/** A sync that takes less cannot have waited for a disk. */
const SYNC_MS_MIN = 0.02;
/** From then on producers that wait for each ack will notice. */
const SYNC_MS_SLOW = 100;
const ROOM_BYTES_MIN = 64 * 1024 * 1024;
const ROOM_SHARE_MIN = 0.01;
/** Gone when the machine is switched off, or with the container. */
const FORGETFUL: Readonly<Record<string, string>> = {
  tmpfs: 'it is memory: everything is gone after a restart of the machine',
  ramfs: 'it is memory: everything is gone after a restart of the machine',
  overlay: "it is a container's own layer: everything is gone with the container; mount a volume",
};

export async function checkFileSystem({ directory, host, allowNetworkFs }: Examined): Promise<Diagnosis> {
  const check = 'file system';
  const facts = await fileSystemOfNearest(host.env, directory);
  if (facts === undefined) return { check, status: 'warn', text: 'the system does not say what it is' };
  const { kind, isNetwork, isUncertain } = facts;
  if (isNetwork) {
    const text = `${kind} is a network file system: neither locks nor syncs can be relied on there`;
    return { check, status: allowNetworkFs ? 'warn' : 'fail', text };
  }
  if (isUncertain) return { check, status: 'warn', text: `${kind} is not known here: it may be a network's` };
  const forgetful = FORGETFUL[kind];
  if (forgetful !== undefined) return { check, status: 'warn', text: `${kind}: ${forgetful}` };
  const mountinfo = await readFileIfThere(host.env.disk, '/proc/self/mountinfo').catch(() => undefined);
  const mount = mountinfo === undefined ? undefined : mountOf(mountinfo.toString(), directory);
  if (mount === undefined) return { check, status: 'ok', text: kind };
  if (mount.options.includes('ro')) return { check, status: 'fail', text: `${kind}, mounted for reading only` };
  const risky = ['nobarrier', 'barrier=0', 'data=writeback'].filter((option) => mount.options.includes(option));
  if (risky.includes('nobarrier') || risky.includes('barrier=0')) {
    const text = `${kind} with ${risky.join(', ')}: a sync does not reach the disk, and a power cut may take what was acked`;
    return { check, status: 'warn', text };
  }
  return { check, status: 'ok', text: [`${kind} at ${mount.point}`, ...risky].join(', ') };
}

export async function checkRoom({ directory, host }: Examined): Promise<Diagnosis> {
  const check = 'room';
  const facts = await fileSystemOfNearest(host.env, directory);
  if (facts === undefined) return { check, status: 'warn', text: 'the system does not say how much is free' };
  const { freeBytes, totalBytes } = facts;
  const text = `${describeBytes(freeBytes)} free of ${describeBytes(totalBytes)}`;
  if (freeBytes < ROOM_BYTES_MIN) return { check, status: 'fail', text: `${text}: appends will soon be refused` };
  return { check, status: freeBytes < totalBytes * ROOM_SHARE_MIN ? 'warn' : 'ok', text };
}

/** Appends and syncs 4 KiB again and again in a file of its own, which is removed afterwards. */
export async function checkDisk({ directory, host }: Examined): Promise<Diagnosis> {
  const { disk, clock, random } = host.env;
  const check = 'sync cost';
  // The name of files on their way: should this process be killed, the next broker removes it.
  const path = `${await nearestFolder(host.env, directory)}/.tmp-${random.uuid()}`;
  const file = await disk.open(path, 'wx+');
  const tookMs: number[] = [];
  try {
    const piece = random.bytes(PROBE_BYTES);
    for (let index = 0; index < PROBE_COUNT; index += 1) {
      const startMs = clock.monotonicMs();
      await file.writev([piece], index * PROBE_BYTES);
      await file.datasync();
      tookMs.push(clock.monotonicMs() - startMs);
    }
  } finally {
    await file.close();
    await disk.remove(path);
  }
  tookMs.sort((one, other) => one - other);
  const at = (share: number): number => tookMs[Math.min(PROBE_COUNT - 1, Math.floor(share * PROBE_COUNT))] ?? 0;
  const [p50, p99] = [at(0.5), at(0.99)];
  const perSecond = Math.round(1000 / Math.max(p50, 0.001));
  const text = `append and sync of 4 KiB: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms; about ${perSecond} acks/s to a producer that waits for each`;
  if (p50 < SYNC_MS_MIN) {
    return { check, status: 'warn', text: `${text}. No disk is that fast: syncs do not seem to reach one` };
  }
  return { check, status: p99 > SYNC_MS_SLOW ? 'warn' : 'ok', text };
}
