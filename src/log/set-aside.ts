/**
 * Copies of what a recovery is about to cut, where it held whole batches:
 *
 *   brokers/<id>/cut/<topic>-<partition>.<base offset, 20 digits>.<from>-<to>.<CRC-32C of the bytes, 8 hex digits>
 *
 * The bytes [from, to) of the segment's `.log`. Nobody reads them but people; they are never removed. The same bytes have the
 * same name, so that a recovery which was interrupted finds what it copied.
 */
import { crc32cFrom } from '../kernel/crc32c.ts';
import type { DiskFile } from '../kernel/env.ts';
import { readFully } from './batch-scan.ts';
import type { LoadOptions } from './loaded-log.ts';

const CHUNK_BYTES = 1024 * 1024;
const CUT_DIRECTORY = 'cut';

/**
 * Copies the bytes [from, to) of `source`, a segment's `.log`, and answers where to. Durable when it resolves. Rejects with what
 * the disk says, without room above all: then nothing may be cut.
 */
export async function setAside(options: LoadOptions, source: string, from: number, to: number): Promise<string> {
  const { env, directory, files, sync } = options;
  const { disk } = env;
  const { name, brokerDirectory } = splitDirectory(directory);
  const base = source.slice(source.lastIndexOf('/') + 1).replace(/\.log$/, '');
  const folder = `${brokerDirectory}/${CUT_DIRECTORY}`;
  return await files.use(source, async (file) => {
    let crc = 0;
    await eachChunk(file, from, to, async (bytes) => {
      crc = crc32cFrom(crc, bytes, 0, bytes.length);
    });
    const path = `${folder}/${name}.${base}.${from}-${to}.${crc.toString(16).padStart(8, '0')}`;
    if (await disk.makeDirectory(folder)) await disk.syncDirectory(brokerDirectory);
    if ((await disk.stat(path)) === undefined) {
      const copy = await disk.open(`${path}.tmp`, 'w+');
      try {
        await copy.truncate(0);
        await eachChunk(file, from, to, (bytes, position) => copy.writev([bytes], position - from));
        await sync.run(copy);
      } finally {
        await copy.close();
      }
      await disk.rename(`${path}.tmp`, path);
    }
    await disk.syncDirectory(folder);
    return path;
  });
}

function splitDirectory(directory: string): { name: string; brokerDirectory: string } {
  const log = directory.slice(0, directory.lastIndexOf('/'));
  return { name: directory.slice(log.length + 1), brokerDirectory: log.slice(0, log.lastIndexOf('/')) };
}

async function eachChunk(
  file: DiskFile,
  from: number,
  to: number,
  take: (bytes: Buffer, position: number) => Promise<void>,
): Promise<void> {
  const chunk = Buffer.allocUnsafeSlow(Math.max(0, Math.min(CHUNK_BYTES, to - from)));
  for (let position = from; position < to; ) {
    const count = await readFully(file, chunk, Math.min(chunk.length, to - position), position);
    if (count === 0) return;
    await take(chunk.subarray(0, count), position);
    position += count;
  }
}
