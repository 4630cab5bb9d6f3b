/**
 * The settings of compaction. Names, types and bounds are Kafka's; so are the defaults, but for the memory that keys may take.
 * Source: Kafka 4.x CleanerConfig.
 */

import type { ConfigDefinition } from './config-definition.ts';

/** The ones that are no topic config's default. */
export const CLEANER_SETTINGS: readonly ConfigDefinition[] = [
  {
    name: 'log.cleaner.backoff.ms',
    type: 'long',
    default: '15000',
    minimum: 0n,
    documentation: 'How long the broker waits before it looks for logs to compact again.',
  },
  {
    name: 'log.cleaner.dedupe.buffer.size',
    type: 'long',
    default: '29360128',
    minimum: 1_048_576n,
    documentation: 'Memory for the keys of one compaction, 24 bytes each; a log with more is compacted in parts.',
  },
  {
    name: 'log.cleaner.enable',
    type: 'boolean',
    default: 'true',
    fixed: true,
    documentation: 'Whether this process compacts logs.',
  },
  {
    name: 'log.cleaner.io.buffer.load.factor',
    type: 'double',
    default: '0.9',
    minimum: 0n,
    maximum: 1n,
    documentation: 'How full the memory for keys may become.',
  },
  {
    name: 'log.cleaner.io.buffer.size',
    type: 'int',
    default: '524288',
    minimum: 0n,
    documentation: 'Bytes that a compaction reads at a time, and gathers before it writes them.',
  },
  {
    name: 'log.cleaner.io.max.bytes.per.second',
    type: 'double',
    default: '1.7976931348623157E308',
    minimum: 1n,
    documentation: 'Bytes that compaction reads and writes each second, together.',
  },
  {
    name: 'log.cleaner.threads',
    type: 'int',
    default: '1',
    allowed: ['1'],
    because: 'one log is compacted at a time',
    documentation: 'Logs that are compacted at a time.',
  },
];
