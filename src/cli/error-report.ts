/** Turns whatever ended a command into one line for people and an exit status. */
import { ClientError, type ClientErrorKind } from '../client/client-error.ts';
import { refusal } from '../client/refusal.ts';
import type { ClusterErrorKind } from '../cluster/cluster-error.ts';
import { errorCode, KafkaError } from '../protocol/errors.ts';
import { CliError } from './cli-error.ts';
import { EXIT, type ExitCode, exitCodeOfSignal } from './exit-codes.ts';
import { nearest } from './nearest.ts';
import { CLIError } from './oclif.ts';
import { errorText } from './system-error.ts';

export interface ErrorReport {
  readonly exitCode: ExitCode;
  /** undefined where the end speaks for itself (the reader of the output is gone). */
  readonly line: string | undefined;
}

const BY_CLIENT_KIND: Readonly<Record<ClientErrorKind, ExitCode>> = {
  refused: EXIT.runtime,
  'not-found': EXIT.notFound,
  unreachable: EXIT.unreachable,
  authorization: EXIT.authorization,
  conflict: EXIT.conflict,
  data: EXIT.data,
  usage: EXIT.usage,
  output: EXIT.runtime,
  input: EXIT.runtime,
};

const BY_CLUSTER_KIND: Readonly<Record<ClusterErrorKind, ExitCode>> = {
  missing: EXIT.notFound,
  foreign: EXIT.usage,
  format: EXIT.data,
  damaged: EXIT.data,
  unsupported: EXIT.runtime,
};

/** What `log/` throws where a file of a log directory is not one that it knows; by name, as with the cluster's. */
const DAMAGED_LOG_DIRECTORY: ReadonlySet<string> = new Set(['NoRegularFileError', 'UnknownFormatError']);

/** `command` is what the user called, such as `topics create`; `knownFlags` its flags, for suggestions. */
export function reportError(error: unknown, command: string, knownFlags: readonly string[]): ErrorReport {
  const name = command === '' ? 'streamctl' : `streamctl ${command}`;
  if (isBrokenPipe(error)) return { exitCode: exitCodeOfSignal('SIGPIPE'), line: undefined };
  if (error instanceof CLIError) {
    return { exitCode: EXIT.usage, line: `${name}: ${parseErrorText(error, knownFlags)}; see ${name} --help` };
  }
  return { exitCode: exitCodeOf(error), line: `${name}: ${messageOf(error)}` };
}

/** The exit status that an error comes to. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof ClientError && error.cause instanceof CliError) return error.cause.exitCode;
  if (error instanceof ClientError) return BY_CLIENT_KIND[error.kind];
  if (error instanceof KafkaError) return BY_CLIENT_KIND[refusal(errorCode(error.errorName), '').kind];
  if (isClusterError(error)) return BY_CLUSTER_KIND[error.kind];
  if (error instanceof Error && DAMAGED_LOG_DIRECTORY.has(error.name)) return EXIT.data;
  const code = codeOf(error);
  return code === 'EACCES' || code === 'EPERM' || code === 'EROFS' ? EXIT.authorization : EXIT.runtime;
}

/** True when the reader of our output went away, however deep the system's error is wrapped. */
function isBrokenPipe(error: unknown): boolean {
  if (codeOf(error) === 'EPIPE') return true;
  return error instanceof ClientError && error.cause !== undefined && isBrokenPipe(error.cause);
}

/** By its name, so that a plain client command does not load the cluster's code to read an error. */
function isClusterError(error: unknown): error is Error & { kind: ClusterErrorKind } {
  return error instanceof Error && error.name === 'ClusterError' && 'kind' in error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return errorText(error).split('\n').join(' ');
}

/** oclif's messages come in several lines, with a list and a hint; the first line says what it is about. */
function parseErrorText(error: Error, knownFlags: readonly string[]): string {
  const lines = error.message.split('\n').map((line) => line.trim());
  const first = (lines[0] ?? '').replace(/:$/, '');
  const unknown = unknownFlagOf(error);
  if (unknown !== undefined) {
    const suggestion = nearest(unknown, knownFlags);
    return `there is no flag ${unknown}${suggestion === undefined ? '' : `; did you mean ${suggestion}?`}`;
  }
  const missing = missingArgumentsOf(error);
  if (missing !== undefined) return `${missing.join(' and ')} missing`;
  if (first.startsWith('The following error')) return lines[1] ?? first;
  return lowerFirst(first.startsWith('Parsing --') ? `${first}: ${lines[1] ?? ''}` : first);
}

function unknownFlagOf(error: object): string | undefined {
  if (!('flags' in error) || !Array.isArray(error.flags)) return undefined;
  const [flag]: unknown[] = error.flags;
  return typeof flag === 'string' ? flag : undefined;
}

function missingArgumentsOf(error: object): string[] | undefined {
  if (!('args' in error) || !Array.isArray(error.args)) return undefined;
  const names: string[] = [];
  for (const argument of error.args) {
    if (typeof argument !== 'object' || argument === null || !('name' in argument)) return undefined;
    names.push(String(argument.name).toUpperCase());
  }
  return names;
}

function lowerFirst(text: string): string {
  return /^[A-Z][a-z ]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
