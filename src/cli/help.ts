import { Config } from '@oclif/core/config';
import { CommandHelp, Help } from '@oclif/core/help';
import type { EXIT_CODE_MEANINGS } from './exit-codes.ts';
import type { PackageJson } from './oclif.ts';
import { realClock } from './real-clock.ts';
import { stdioOf } from './real-stdio.ts';

/** `root` is the folder of the manifest; `argv` the words without flags; `meanings` of the exit statuses of the command that they name. */
export async function showHelp(
  argv: readonly string[],
  root: string,
  packageJson: PackageJson,
  meanings: Meanings,
): Promise<void> {
  const config = await Config.load({ root, pjson: packageJson });
  await new StreamctlHelp(config, packageJson.oclif.helpOptions, meanings).showHelp([...argv]);
}

type Meanings = typeof EXIT_CODE_MEANINGS;
type Section = ReturnType<CommandHelp['sections']>[number];

/** Help of one command: examples first, exit statuses last. */
class StreamctlCommandHelp extends CommandHelp {
  protected meanings: Meanings = [];

  protected override sections(): Section[] {
    const sections = super.sections();
    const examples = sections.filter(({ header }) => header === 'EXAMPLES');
    const others = sections.filter(({ header }) => header !== 'EXAMPLES' && header !== 'DESCRIPTION');
    const description = sections.filter(({ header }) => header === 'DESCRIPTION');
    return [...examples, ...description, ...others, exitStatusSection(this.meanings)];
  }

  /** Without the list of all flags, which follows anyway. */
  protected override defaultUsage(): string {
    const argumentNames = Object.values(this.command.args ?? {}).map(({ name, required, multiple }) => {
      const word = `${name.toUpperCase()}${multiple ? '...' : ''}`;
      return required ? word : `[${word}]`;
    });
    return [this.command.id, ...argumentNames, '[FLAGS]'].join(' ');
  }
}

/** All help, written in one go to standard output. */
class StreamctlHelp extends Help {
  protected override CommandHelpClass: typeof StreamctlCommandHelp;
  readonly #lines: string[] = [];

  constructor(config: Config, options: PackageJson['oclif']['helpOptions'], meanings: Meanings) {
    super(config, options);
    this.CommandHelpClass = class extends StreamctlCommandHelp {
      protected override meanings = meanings;
    };
  }

  override async showHelp(argv: string[]): Promise<void> {
    await super.showHelp(argv);
    await stdioOf(realClock()).write(Buffer.from(`${this.#lines.join('\n')}\n`));
  }

  protected override log(...lines: string[]): void {
    this.#lines.push(...lines);
  }
}

function exitStatusSection(meanings: Meanings): Section {
  return {
    header: 'EXIT STATUS',
    generate: (_, header) => [{ header, body: meanings.map(([code, meaning]) => [code, meaning]) }],
  };
}
