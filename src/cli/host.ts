import type { LineInput } from '../client/line-producer.ts';
import type { Env, Stdio } from '../kernel/env.ts';

/** Standard input, output and error by their descriptors. */
export type StandardStream = 0 | 1 | 2;

/** What the cores of the commands take from the process around them, besides `Env`. */
export interface Host {
  readonly env: Env;
  readonly stdio: Stdio;
  /** Environment variables. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  isTerminal(stream: StandardStream): boolean;
  /** Throws as openInput does, without opening: a pipe is read only once. */
  checkInput(path: string): Promise<void>;
  /** Opens a file to read from; `-` is standard input. Throws CliError (5) when there is none. */
  openInput(path: string): Promise<OpenInput>;
  /** A descriptor that the caller of the program has opened. Throws a usage error when it cannot be written. */
  openDescriptor(descriptor: number, source: string): DescriptorWriter;
  /** Draws on the terminal behind standard error; dropped while an earlier drawing still waits. */
  draw(text: string): void;
  /** Calls `onGone` once when standard output is a pipe that nobody reads any more; undefined where that cannot be seen. */
  watchReader(onGone: () => void): { close(): void } | undefined;
  /** Makes durable what was written to standard output, where that is a file. Rejects with EIO and the like. */
  syncOutput(): Promise<void>;
  /** Ends the process at once. */
  exitNow(code: number): void;
}

export interface OpenInput extends LineInput {
  close(): Promise<void>;
}

/** Lines for a program that waits for them at the other end of a descriptor. */
export interface DescriptorWriter {
  /** Writes the line and a newline; one call at a time. Rejects with EPIPE and the like. */
  writeLine(line: string): Promise<void>;
}
