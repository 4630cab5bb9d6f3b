/**
 * The verdict of Apache Kafka's own DumpLogSegments over segment files.
 *
 * The tool exits 0 whatever it finds, so its words are judged: every line that it prints is known to be harmless or is a fault.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runJava } from './kafka-jars.ts';

const SEGMENT_FILE = /^\d{20}\.(log|index|timeindex|snapshot)$/;
const FILES_PER_RUN = 300;

/**
 * Everything that DumpLogSegments finds wrong in the segment files under `folder`, a line each; empty when all is well. `compacted`:
 * offsets may be missing between batches.
 */
export async function faultsFoundByKafka(folder: string, { compacted = false } = {}): Promise<string[]> {
  const files = segmentFiles(folder);
  if (files.length === 0) return [`no segment files under ${folder}`];
  const faults: string[] = [];
  for (let from = 0; from < files.length; from += FILES_PER_RUN) {
    const chunk = files.slice(from, from + FILES_PER_RUN);
    const run = await runJava('org.apache.kafka.tools.DumpLogSegments', [
      '--deep-iteration',
      '--skip-record-metadata',
      '--verify-index-only',
      '--files',
      chunk.join(','),
    ]);
    if (run.status !== 0) faults.push(`DumpLogSegments exited ${run.status}: ${run.stderr.slice(0, 2000)}`);
    faults.push(...judge(run.stdout.split('\n'), compacted), ...judge(run.stderr.split('\n'), compacted));
  }
  return faults;
}

function segmentFiles(folder: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) found.push(...segmentFiles(path));
    else if (SEGMENT_FILE.test(name)) found.push(path);
  }
  return found;
}

const HARMLESS =
  /^$|^Dumping |^Log starting offset: |^\||^producerId: |is empty\.$|^offset: .* isvalid: true$|^Picked up /;

/** Of a file that does not begin with offset 0, and of any whose offsets have gaps; followed by lines that say which. */
const GAPS = /^Non-consecutive offsets in |^ +-?\d+ is followed by \d+$/;

function judge(lines: readonly string[], compacted: boolean): string[] {
  const faults: string[] = [];
  let file = '';
  let nextOffset = -1;
  let leaderEpoch = -1;
  for (const line of lines) {
    if (line.startsWith('Dumping ')) {
      file = line.slice('Dumping '.length);
      nextOffset = -1;
      leaderEpoch = -1;
    }
    if (!line.startsWith('baseOffset: ')) {
      if (!HARMLESS.test(line) && !(compacted && GAPS.test(line))) faults.push(`${file}: ${line}`);
      continue;
    }
    const batch = fields(line);
    const base = Number(batch.get('baseOffset'));
    const epoch = Number(batch.get('partitionLeaderEpoch'));
    if (batch.get('isvalid') !== 'true') faults.push(`${file}: checksum is wrong: ${line}`);
    const follows = compacted ? base >= nextOffset : base === nextOffset;
    if (nextOffset >= 0 && !follows) faults.push(`${file}: expected offset ${nextOffset}: ${line}`);
    if (epoch < leaderEpoch) faults.push(`${file}: leader epoch goes back: ${line}`);
    nextOffset = Number(batch.get('lastOffset')) + 1;
    leaderEpoch = epoch;
  }
  return faults;
}

function fields(line: string): Map<string, string> {
  const words = line.trim().split(/\s+/);
  const found = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [name, value] = [words[at], words[at + 1]];
    if (name !== undefined && value !== undefined) found.set(name.replace(/:$/, ''), value);
  }
  return found;
}
