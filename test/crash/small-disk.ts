/** File systems of a few megabytes for tests: ext4 on a loop device, whose power can be cut, and tmpfs. Both need root. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The machine cannot do it; the message says what is missing. */
export class DiskMissing extends Error {
  override readonly name = 'DiskMissing';
}

export interface SmallDisk {
  /** Where it is mounted. */
  readonly path: string;
  /** The file system is gone whatever is open on it. */
  dispose(): void;
}

export interface LoopDisk extends SmallDisk {
  /** What the block device is called in /sys/fs/ext4. */
  readonly deviceName: string;
  /**
   * Stops the file system as a power cut does: what was not written yet is lost. `flag`: 0 data and journal are written first, 1
   * only the journal, 2 nothing.
   */
  cut(flag: 0 | 1 | 2): void;
  /** Takes the file system away and brings it back, after a check of it. Nobody may have files open on it. */
  remount(): void;
}

const EXT4_IOC_SHUTDOWN = 0x80_04_58_7d;
const SHUT_DOWN = `open(F, "<", $ARGV[0]) or die $!; ioctl(F, ${EXT4_IOC_SHUTDOWN}, pack("L", $ARGV[1])) or die $!`;

/** @param options of the mount, as `data=writeback,noauto_da_alloc` */
export function loopDisk(megabytes: number, options: string): LoopDisk {
  const folder = mkdtempSync(join(tmpdir(), 'streamctl-disk-'));
  const image = join(folder, 'image');
  const path = join(folder, 'mounted');
  let device: string | undefined;
  const dispose = (): void => {
    spawnSync('umount', ['-l', path]);
    if (device !== undefined) spawnSync('losetup', ['-d', device]);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    closeSync(openSync(image, 'w'));
    truncateSync(image, megabytes * 1024 * 1024);
    command('mkfs.ext4', ['-q', '-F', image]);
    device = command('losetup', ['-f', '--show', image]).trim();
    command('mkdir', [path]);
    const mount = (): string => command('mount', ['-t', 'ext4', '-o', options, device ?? '', path]);
    mount();
    return {
      path,
      deviceName: device.replace('/dev/', ''),
      dispose,
      cut: (flag) => {
        command('perl', ['-e', SHUT_DOWN, path, String(flag)]);
      },
      remount: () => {
        command('umount', [path]);
        spawnSync('e2fsck', ['-p', device ?? '']);
        mount();
      },
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

export function memoryDisk(megabytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'streamctl-disk-'));
  try {
    command('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
  return {
    path,
    dispose: () => {
      spawnSync('umount', ['-l', path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function command(name: string, args: readonly string[]): string {
  const done = spawnSync(name, args, { encoding: 'utf8' });
  if (done.error !== undefined) throw new DiskMissing(`${name}: ${done.error.message}`);
  if (done.status !== 0) throw new DiskMissing(`${name} ${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}
