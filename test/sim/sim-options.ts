/** What `npm run sim` is asked for. */
import { parseArgs } from 'node:util';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { SCENARIOS } from './scenarios/all.ts';
import type { CrashPoint } from './seed-run.ts';

export const USAGE = `usage: npm run sim -- [--seeds N] [--from K] [--scenario NAME]... [--faults 1,4,7|none] [--crash JSON] [--trace] [--plant BUG]
       npm run sim -- --crash-points [--failures] [--stride N] [--scenario STORY]...
       npm run sim -- --planted [--plant BUG]... [--seeds N] [--write]
       npm run sim -- --help`;

const HELP = `
--seeds N         so many seeds that count, over all scenarios (300); with --planted: so many at most for each bug
--from K          the first seed (1)
--scenario NAME   only this one; may be given again
--faults 1,4,7    only these of the planned faults
--crash JSON      of a story: what happens at which call
--trace           every event, on standard error
--crash-points    every story, every changing disk call of it, every way to lose power
--failures        with --crash-points: the call fails instead
--stride N        every N-th of those (1)
--planted         plants each bug of planted-bugs.ts and looks for it; prints the table
--plant BUG       only this one; may be given again
--write           writes the table to docs/seeded-bugs.md

scenarios: ${SCENARIOS.map(({ name }) => name).join(', ')}
bugs: ${PLANTED_BUGS.map(({ name }) => name).join(', ')}`;

export interface SimOptions {
  readonly action: 'seeds' | 'crash points' | 'planted' | 'help';
  readonly seedCount: number;
  readonly firstSeed: number;
  readonly scenarios: readonly string[];
  readonly faults: readonly number[] | undefined;
  readonly crash: CrashPoint | undefined;
  readonly trace: boolean;
  readonly failures: boolean;
  readonly stride: number;
  readonly bugs: readonly string[];
  readonly write: boolean;
}

/** Something is wrong with the command line. */
export class BadOptions extends Error {
  override readonly name = 'BadOptions';
}

/** @throws BadOptions */
export function simOptions(args: readonly string[]): SimOptions {
  const values = parsed(args);
  const known = new Set(SCENARIOS.map(({ name }) => name));
  const bugs = new Set(PLANTED_BUGS.map(({ name }) => name));
  for (const name of values.scenario) if (!known.has(name)) throw new BadOptions(`no scenario ${name}`);
  for (const name of values.plant) if (!bugs.has(name)) throw new BadOptions(`no bug ${name}`);
  const count = (name: 'seeds' | 'from' | 'stride'): number => {
    const value = Number(values[name]);
    if (!Number.isSafeInteger(value) || value < 1)
      throw new BadOptions(`--${name} ${values[name]} is no number from 1 on`);
    return value;
  };
  return {
    action: actionOf(values),
    seedCount: count('seeds'),
    firstSeed: count('from'),
    scenarios: values.scenario,
    faults: values.faults === undefined ? undefined : indicesOf(values.faults),
    crash: values.crash === undefined ? undefined : crashOf(values.crash),
    trace: values.trace,
    failures: values.failures,
    stride: count('stride'),
    bugs: values.plant,
    write: values.write,
  };
}

export function help(): string {
  return `${USAGE}\n${HELP}`;
}

type Values = ReturnType<typeof parsed>;

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', default: false, short: 'h' },
        seeds: { type: 'string', default: '300' },
        from: { type: 'string', default: '1' },
        scenario: { type: 'string', multiple: true, default: [] },
        trace: { type: 'boolean', default: false },
        faults: { type: 'string' },
        crash: { type: 'string' },
        'crash-points': { type: 'boolean', default: false },
        failures: { type: 'boolean', default: false },
        stride: { type: 'string', default: '1' },
        planted: { type: 'boolean', default: false },
        plant: { type: 'string', multiple: true, default: [] },
        write: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new BadOptions(error instanceof Error ? error.message : String(error));
  }
}

function actionOf(values: Values): SimOptions['action'] {
  if (values.help) return 'help';
  if (values.planted) return 'planted';
  return values['crash-points'] ? 'crash points' : 'seeds';
}

function indicesOf(text: string): number[] {
  const indices = text === 'none' ? [] : text.split(',').map(Number);
  if (indices.some((index) => !Number.isSafeInteger(index)))
    throw new BadOptions(`--faults ${text} is no list of numbers`);
  return indices;
}

function crashOf(text: string): CrashPoint {
  try {
    return JSON.parse(text) as CrashPoint;
  } catch {
    throw new BadOptions(`--crash ${text} is no JSON`);
  }
}
