/**
 * The parts of oclif that we use, imported one by one: its index loads the whole framework, which costs more than all
 * the rest of a start.
 */
export * as Args from '@oclif/core/args';
export { Command } from '@oclif/core/command';
export { CLIError } from '@oclif/core/errors';
export * as Flags from '@oclif/core/flags';
export { CommandHelp, Help } from '@oclif/core/help';
export type { PJSON as PackageJson } from '@oclif/core/interfaces';
export { run } from '@oclif/core/run';
