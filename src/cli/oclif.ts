/**
 * The parts of oclif that every command uses, imported one by one: its index loads the whole framework, which costs more
 * than all the rest of a start. Help has its own file, `help.ts`, for that reason.
 */
export * as Args from '@oclif/core/args';
export { Command } from '@oclif/core/command';
export type { Config } from '@oclif/core/config';
export { CLIError } from '@oclif/core/errors';
export * as Flags from '@oclif/core/flags';
export type { PJSON as PackageJson } from '@oclif/core/interfaces';
