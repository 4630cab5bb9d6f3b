/**
 * What kind of file system carries a path, and whether it is one that other machines see too. By the number that statfs answers
 * (Linux: `linux/magic.h` and the file systems' own headers); for FUSE, which is one number for all, by the name in
 * /proc/self/mountinfo. Other systems number in their own way: there the kind is `unknown` and counts as local.
 */
import { readFile, realpath, type StatsFs, statfs } from 'node:fs';
import { platform } from 'node:os';
import type { FileSystemFacts } from '../kernel/env.ts';

interface Kind {
  readonly kind: string;
  readonly isNetwork: boolean;
  readonly isUncertain: boolean;
}

/** A line of mountinfo. */
export interface Mount {
  readonly point: string;
  readonly type: string;
  /** Those of the mount and of the file system. */
  readonly options: readonly string[];
}

const FUSE = 0x65735546;

const LOCAL: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  801189825: 'zfs',
  4076150800: 'f2fs',
  16914836: 'tmpfs',
  2240043254: 'ramfs',
  2035054128: 'overlay',
  538032816: 'exfat',
  19780: 'vfat',
  1397118030: 'ntfs',
  1936094318: 'ntfs3',
  3393526350: 'bcachefs',
};

const NETWORK: Readonly<Record<number, string>> = {
  26985: 'nfs',
  20859: 'smb',
  4266872130: 'smb2',
  4283649346: 'cifs',
  16914839: '9p',
  1397113167: 'afs',
  1799439955: 'afs',
  1937076805: 'coda',
  12805120: 'ceph',
  198183888: 'lustre',
  1196443219: 'gpfs',
  2020557398: 'vboxsf',
  428016422: 'beegfs',
  2866260714: 'panfs',
  79457: 'gfs2',
  1952539503: 'ocfs2',
};

/** FUSE file systems whose files are on another machine. */
const NETWORK_FUSE =
  /^(sshfs|rclone|s3fs|s3backer|gcsfuse|goofys|blobfuse2?|mount-s3|mountpoint-s3|glusterfs|ceph|cephfs|curlftpfs|davfs2?|juicefs|seaweedfs|moosefs|mfs|lizardfs|smbnetfs|nfs|hdfs|hadoop|fuse_dfs|gvfsd-fuse|google-drive-ocamlfuse|onedriver|vmhgfs-fuse|alluxio(-fuse)?|lustre|beegfs)$/i;
/** FUSE file systems over a disk of this machine. */
const LOCAL_FUSE =
  /^(ntfs-3g|ntfs|ext2|ext4|fuseblk|exfat|mergerfs|bindfs|encfs|gocryptfs|cryfs|fuse-overlayfs|zfs|lxcfs)$/i;

/** @throws the system's errors, ENOENT for a path that does not exist */
export async function fileSystemOf(path: string): Promise<FileSystemFacts> {
  const facts = await new Promise<StatsFs>((resolve, reject) => {
    statfs(path, (error, stats) => {
      if (error === null) resolve(stats);
      else reject(error);
    });
  });
  // The number is a signed 32-bit one on some machines.
  const type = facts.type >>> 0;
  const subtype = platform() === 'linux' && type === FUSE ? await fuseSubtype(path) : undefined;
  const kind = platform() === 'linux' ? kindOf(type, subtype) : UNKNOWN;
  return { ...kind, totalBytes: facts.blocks * facts.bsize, freeBytes: facts.bavail * facts.bsize };
}

const UNKNOWN: Kind = { kind: 'unknown', isNetwork: false, isUncertain: false };

/** The kind by statfs' number and, for FUSE, by the subtype of the mount (undefined where it has none). */
export function kindOf(type: number, fuse: string | undefined): Kind {
  if (type === FUSE) {
    if (fuse === undefined) return { kind: 'fuse', isNetwork: false, isUncertain: true };
    const isNetwork = NETWORK_FUSE.test(fuse);
    return { kind: `fuse.${fuse}`, isNetwork, isUncertain: !isNetwork && !LOCAL_FUSE.test(fuse) };
  }
  const network = NETWORK[type];
  if (network !== undefined) return { kind: network, isNetwork: true, isUncertain: false };
  const local = LOCAL[type];
  return local === undefined ? UNKNOWN : { kind: local, isNetwork: false, isUncertain: false };
}

async function fuseSubtype(path: string): Promise<string | undefined> {
  try {
    const [text, real] = await Promise.all([
      whole('/proc/self/mountinfo'),
      new Promise<string>((resolve, reject) => {
        realpath(path, (error, found) => {
          if (error === null) resolve(found);
          else reject(error);
        });
      }),
    ]);
    return mountOf(text, real)?.type.replace(/^fuse\./, '');
  } catch {
    return undefined;
  }
}

/**
 * The mount that holds `path`, of the text of mountinfo (proc(5)); undefined when none does.
 *
 *   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - fuse.sshfs host:/dir rw
 *                    mount point               separator, type
 */
export function mountOf(mountinfo: string, path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const line of mountinfo.split('\n')) {
    const separator = line.indexOf(' - ');
    if (separator < 0) continue;
    const fields = line.slice(separator + 3).split(' ');
    const point = (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    const holds = point === '/' || path === point || path.startsWith(`${point}/`);
    // A later mount on the same point covers the one before.
    if (holds && point.length >= (best?.point.length ?? 0)) {
      best = { point, type: fields[0] ?? '', options: `${line.split(' ')[5] ?? ''},${fields[2] ?? ''}`.split(',') };
    }
  }
  return best;
}

function whole(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    readFile(path, 'utf8', (error, text) => {
      if (error === null) resolve(text);
      else reject(error);
    });
  });
}
