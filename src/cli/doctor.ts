/** `streamctl doctor`: what would keep a broker on this directory from being fast, safe or reached. Claims nothing. */
import { resolve } from 'node:path';
import { usageError } from './cli-error.ts';
import { checkDisk, checkFileSystem, checkRoom } from './doctor-disk.ts';
import { checkLeftovers, checkLogs, checkMetadata, checkModes, checkPlace } from './doctor-files.ts';
import { checkListeners, checkOpenFiles } from './doctor-system.ts';
import { documentOf, printDocument } from './document.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { table } from './table.ts';

export interface DoctorCommand {
  /** As `serve` takes them. */
  readonly listen: string | undefined;
  readonly advertise: string | undefined;
}

/** One row. */
export interface Diagnosis {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly text: string;
}

/** What all checks are given. */
export interface Examined {
  /** Absolute; may not exist. */
  readonly directory: string;
  readonly host: Host;
  readonly allowNetworkFs: boolean;
  readonly command: DoctorCommand;
}

type Check = (examined: Examined) => Promise<Diagnosis | readonly Diagnosis[]>;

const CHECKS: readonly (readonly [string, Check])[] = [
  ['file system', checkFileSystem],
  ['sync cost', checkDisk],
  ['room', checkRoom],
  ['place', checkPlace],
  ['metadata', checkMetadata],
  ['logs', checkLogs],
  ['leftovers', checkLeftovers],
  ['modes', checkModes],
  ['listeners', checkListeners],
  ['open files', checkOpenFiles],
];

/** Answers 4 when a row says `fail`. */
export async function runDoctor(host: Host, common: CommonOptions, command: DoctorCommand): Promise<ExitCode> {
  if (common.target.kind === 'bootstrap') throw usageError('doctor looks at a directory; give --dir, not -b');
  const directory = resolve(common.target.path);
  const examined = { directory, host, allowNetworkFs: common.allowNetworkFs === true, command };
  const items: Diagnosis[] = [];
  for (const [check, run] of CHECKS) items.push(...(await outcome(check, () => run(examined))));
  const status = await printDocument(host, common, documentOf('doctor', items), (rows, style) =>
    table(
      ['STATUS', 'CHECK', 'FOUND'],
      rows.map((row) => [row.status, row.check, row.text]),
      style,
    ),
  );
  return items.some((item) => item.status === 'fail') ? EXIT.unmet : status;
}

/** A check that cannot be made is a row of its own: the others are told all the same. */
async function outcome(check: string, run: () => ReturnType<Check>): Promise<readonly Diagnosis[]> {
  try {
    const found = await run();
    return Array.isArray(found) ? found : [found as Diagnosis];
  } catch (error) {
    return [{ check, status: 'fail', text: error instanceof Error ? error.message : String(error) }];
  }
}
