/** A Host in memory for the cores of the commands; what they say and write is kept. */
import type { DescriptorWriter, Host, StandardStream } from '../../src/cli/host.ts';
import { realEnv } from '../../src/cli/real-env.ts';
import type { Env, Signal } from '../../src/kernel/env.ts';

export interface FakeHost extends Host {
  readonly notes: string[];
  readonly drawings: string[];
  readonly written: Buffer[];
  readonly exits: number[];
  /** As if the signal had come. */
  signal(signal: Signal): void;
}

export interface FakeHostOptions {
  readonly terminals?: readonly StandardStream[];
  readonly variables?: Readonly<Record<string, string>>;
  readonly descriptor?: DescriptorWriter;
  readonly clock?: Partial<Env['clock']>;
}

export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  const env = realEnv({ quiet: true });
  const listeners = new Map<Signal, Set<() => void>>();
  const notes: string[] = [];
  const drawings: string[] = [];
  const written: Buffer[] = [];
  const exits: number[] = [];
  return {
    notes,
    drawings,
    written,
    exits,
    env: {
      ...env,
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      clock: { ...env.clock, ...options.clock },
      proc: {
        ...env.proc,
        onSignal(signal, action) {
          const actions = listeners.get(signal) ?? new Set();
          listeners.set(signal, actions.add(action));
          return { remove: () => void actions.delete(action) };
        },
      },
    },
    stdio: {
      read: async () => 0,
      write: async (bytes) => void written.push(Buffer.from(bytes)),
      note: (text) => void notes.push(text),
    },
    variables: options.variables ?? {},
    isTerminal: (stream) => options.terminals?.includes(stream) ?? false,
    checkInput: async () => undefined,
    openInput: async (path) => ({ name: path, read: async () => 0, close: async () => undefined }),
    openDescriptor: () => options.descriptor ?? { writeLine: async () => undefined },
    draw: (text) => void drawings.push(text),
    watchReader: () => undefined,
    syncOutput: async () => undefined,
    exitNow: (code) => void exits.push(code),
    signal(signal) {
      for (const action of listeners.get(signal) ?? []) action();
    },
  };
}

function ignore(): void {
  // What goes to the log is for people; tests look at what is done.
}
