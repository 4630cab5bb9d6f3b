/**
 * .kafka_cleanshutdown of a log directory: `{"version":0,"brokerEpoch":N}`, JSON, Kafka's CleanShutdownFileHandler. It is made
 * after everything else of a close is on the disk, and removed (with a sync of the directory, C-6) before anything is
 * written again. `brokerEpoch` is that of the process which closed.
 */
import { parseStrictJson } from '../kernel/strict-json.ts';

export const CLEAN_MARKER_FILE = '.kafka_cleanshutdown';

/** The broker epoch in the marker; undefined when it does not parse, which counts as no marker. */
export function parseCleanMarker(text: string): number | undefined {
  let content: unknown;
  try {
    content = parseStrictJson(text);
  } catch {
    return undefined;
  }
  if (typeof content !== 'object' || content === null || !('version' in content) || content.version !== 0)
    return undefined;
  if (!('brokerEpoch' in content)) return undefined;
  return Number.isSafeInteger(content.brokerEpoch) ? Number(content.brokerEpoch) : undefined;
}

export function formatCleanMarker(brokerEpoch: number): string {
  return JSON.stringify({ version: 0, brokerEpoch });
}
