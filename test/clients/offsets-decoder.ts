/** What Apache Kafka's DumpLogSegments makes of the records of `__consumer_offsets`. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runJava } from './kafka-jars.ts';

const OFFSETS_FOLDER = /^__consumer_offsets-\d+$/;
const SEGMENT = /^\d{20}\.log$/;
const FILES_PER_RUN = 100;

export interface DecodedOffsets {
  readonly recordCount: number;
  /** Lines of records that the tool could not read as a group's or an offset's. */
  readonly faults: readonly string[];
}

/** Decodes every record of the offsets topic under the log directory `folder`. */
export async function offsetsDecodedByKafka(folder: string): Promise<DecodedOffsets> {
  const files = readdirSync(folder)
    .filter((name) => OFFSETS_FOLDER.test(name))
    .flatMap((name) =>
      readdirSync(join(folder, name))
        .filter((file) => SEGMENT.test(file))
        .map((file) => join(folder, name, file)),
    );
  const faults: string[] = [];
  let recordCount = 0;
  for (let from = 0; from < files.length; from += FILES_PER_RUN) {
    const chunk = files.slice(from, from + FILES_PER_RUN);
    const run = await runJava('org.apache.kafka.tools.DumpLogSegments', [
      '--offsets-decoder',
      '--files',
      chunk.join(','),
    ]);
    if (run.status !== 0) faults.push(`DumpLogSegments exited ${run.status}: ${run.stderr.slice(0, 2000)}`);
    for (const line of run.stdout.split('\n')) {
      if (!line.startsWith('|')) continue;
      recordCount += 1;
      // A key that it knows is printed as JSON with its type and version; a tombstone has no payload.
      const isKnown =
        /key: \{"type":"?\d+"?,"data":\{/.test(line) && /payload: (\{"version":|<DELETE>|null)/.test(line);
      if (!isKnown) faults.push(line);
    }
  }
  return { recordCount, faults };
}
