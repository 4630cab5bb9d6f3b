/**
 * What the exit status of every command means. Stable: codes are never renumbered, and `--help` prints this table.
 */

export const EXIT = {
  ok: 0,
  runtime: 1,
  usage: 2,
  partial: 3,
  unmet: 4,
  notFound: 5,
  unreachable: 6,
  authorization: 7,
  conflict: 8,
  data: 9,
  timeUp: 124,
} as const;

/** Any status that this program ends with: one of `EXIT`, or 128 + the number of a signal. */
export type ExitCode = number;

/** The table as `--help` prints it: status and meaning. */
export const EXIT_CODE_MEANINGS: readonly (readonly [string, string])[] = [
  ['0', 'done: everything asked for happened'],
  ['1', 'failed while running (output refused, disk, refused by the broker)'],
  ['2', 'wrong usage: nothing was done'],
  ['3', 'some items failed, the rest is done'],
  ['4', 'what was asked about does not hold (doctor: something is wrong), or nobody agreed to it'],
  ['5', 'no such directory, topic, partition or group'],
  ['6', 'nobody could be reached, or no answer within --timeout'],
  ['7', 'not allowed'],
  ['8', 'somebody else holds it, it exists already, or a group has members'],
  ['9', 'the data is wrong: record too long, damaged, missing or out of range'],
  ['124', 'the time given with --max-time ran out before the goal'],
  ['128+N', 'ended by signal N: 130 SIGINT, 141 reader of the output gone, 143 SIGTERM'],
];

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** 128 + the signal's number, as a shell reports it; 128 for a signal that no command of ours handles. */
export function exitCodeOfSignal(signal: string): ExitCode {
  return 128 + (SIGNAL_NUMBERS[signal] ?? 0);
}
