/**
 * The surface that scripts stand on: every command with its arguments and flags. `commands.snapshot` (JSON) is the snapshot; a change
 * of it is a change for users. `UPDATE_SURFACE=1 npm run mocha` writes it anew.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { commands } from '../../src/cli/command-table.ts';
import { globalFlags, jsonFlag } from '../../src/cli/global-flags.ts';

const SNAPSHOT = new URL('./commands.snapshot', import.meta.url);

interface FlagDefinition {
  readonly char?: string | undefined;
  readonly type: string;
  readonly multiple?: boolean | undefined;
  readonly options?: readonly string[] | undefined;
  readonly default?: unknown;
}

function describeFlag(name: string, flag: FlagDefinition): string {
  const parts = [flag.char === undefined ? `--${name}` : `-${flag.char}, --${name}`, flag.type];
  if (flag.multiple) parts.push('repeatable');
  if (flag.options !== undefined) parts.push(flag.options.join('|'));
  if (flag.default !== undefined && flag.default !== false) parts.push(`default ${flag.default}`);
  return parts.join(' ');
}

function describeFlags(flags: Readonly<Record<string, FlagDefinition>>): string[] {
  return Object.entries(flags)
    .map(([name, flag]) => describeFlag(name, flag))
    .sort();
}

function surface(): object {
  const entries = Object.entries(commands).map(([id, command]) => {
    const args = Object.entries(command.args).map(([name, arg]) => {
      const word = arg.multiple ? `${name}...` : name;
      return arg.required ? word : `[${word}]`;
    });
    return [id.replace(':', ' '), { args, flags: describeFlags(command.flags ?? {}) }];
  });
  return { global: describeFlags(globalFlags), commands: Object.fromEntries(entries) };
}

describe('surface: commands', () => {
  it('arguments and flags are those of the snapshot', () => {
    const now = `${JSON.stringify(surface(), undefined, 2)}\n`;
    if (process.env['UPDATE_SURFACE']) writeFileSync(SNAPSHOT, now);
    assert.deepEqual(JSON.parse(now), JSON.parse(readFileSync(SNAPSHOT, 'utf8')));
  });

  it('no argument is ever filled from standard input: that is where the records come from', () => {
    for (const [id, command] of Object.entries(commands)) {
      for (const [name, arg] of Object.entries(command.args)) assert.equal(arg.ignoreStdin, true, `${id} ${name}`);
      for (const [name, flag] of Object.entries({ ...command.flags, ...globalFlags })) {
        assert.ok(!('allowStdin' in flag && flag.allowStdin), `${id} --${name}`);
      }
    }
  });

  it('a letter means the same flag in every command', () => {
    const meanings = new Map<string, string>();
    for (const command of Object.values(commands)) {
      for (const [name, flag] of Object.entries<FlagDefinition>({ ...command.flags, ...globalFlags })) {
        if (flag.char === undefined) continue;
        assert.equal(meanings.get(flag.char) ?? name, name, `-${flag.char}`);
        meanings.set(flag.char, name);
      }
    }
  });

  it('every command that answers a question has --json, and every command has examples', () => {
    for (const [id, command] of Object.entries(commands)) {
      assert.ok((command.examples?.length ?? 0) > 0, id);
      if (id.includes(':')) assert.ok(Object.hasOwn(command.flags ?? {}, Object.keys(jsonFlag)[0] ?? ''), id);
    }
  });
});
