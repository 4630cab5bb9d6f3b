/** The kinds of files that streamctl writes: what ARCHITECTURE 5 lists, with the three kinds of logs told apart. */
import { DIRECTORY } from '../cluster/in-world.ts';
import type { Tree } from './written-directory.ts';

const LOGS: readonly (readonly [start: string, name: string])[] = [
  ['brokers/1/log/t-0/', 'log'],
  ['brokers/1/log/k-0/', 'compacted'],
  ['brokers/1/log/__consumer_offsets-0/', 'offsets'],
];
const SEGMENT_FILES = ['.log', '.index', '.timeindex'];
const FOLDER_FILES = [...SEGMENT_FILES, '.snapshot', 'leader-epoch-checkpoint', 'partition.metadata'];
const CHECKPOINTS = ['recovery-point-offset', 'replication-offset', 'log-start-offset', 'cleaner-offset'];
const ENTRY_TYPES = ['broker-registered', 'settings-altered', 'topic-created'];

/** Every kind; the lane changes files of each, and fails where its directories hold another. */
export const ALL_KINDS: readonly string[] = [
  'cluster.json',
  ...ENTRY_TYPES.map((type) => `cluster/log/<n>.json ${type}`),
  'cluster/snapshot-<n>.json',
  'cluster/reserve',
  'brokers/owner.json',
  'brokers/close-record',
  'brokers/log-starts',
  'brokers/cut/*',
  'meta.properties',
  '.kafka_cleanshutdown',
  ...CHECKPOINTS.map((name) => `${name}-checkpoint`),
  ...LOGS.flatMap(([, log]) => FOLDER_FILES.map((file) => `${log}/${file}`)),
  ...['.cleaned', '.swap', '.deleted'].flatMap((suffix) => SEGMENT_FILES.map((file) => `compacted/${file}${suffix}`)),
  'compacted/.snapshot.deleted',
].sort();

export function kindOf(path: string, bytes: Buffer): string {
  const name = path.slice(DIRECTORY.length + 1);
  for (const [start, log] of LOGS) {
    if (name.startsWith(start)) return `${log}/${name.slice(start.length).replace(/^\d{20}/, '')}`;
  }
  const entryType = /^cluster\/log\//.test(name) ? /"type":"([a-z-]+)"/.exec(bytes.toString('latin1'))?.[1] : undefined;
  if (entryType !== undefined) return `cluster/log/<n>.json ${entryType}`;
  return name
    .replace(/^brokers\/1\/log\//, '')
    .replace(/^brokers\/1\/cut\/.*/, 'brokers/cut/*')
    .replace(/^brokers\/1\//, 'brokers/')
    .replace(/snapshot-\d+/, 'snapshot-<n>');
}

/** The paths of a directory by kind. */
export function pathsByKind(tree: Tree): ReadonlyMap<string, readonly string[]> {
  const byKind = new Map<string, string[]>();
  for (const [path, bytes] of tree) {
    const kind = kindOf(path, bytes);
    byKind.set(kind, [...(byKind.get(kind) ?? []), path]);
  }
  return byKind;
}
