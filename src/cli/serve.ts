/** `streamctl serve`: checks addresses and settings, starts the broker, says when clients can connect, stops on a signal. */
import { resolve } from 'node:path';
import { type BrokerSettings, brokerSettings, SettingsError } from '../broker/broker-settings.ts';
import { MAX_DISK_SETTING } from '../broker/own-settings.ts';
import type { Signal } from '../kernel/env.ts';
import { parseByteSize } from './byte-size.ts';
import { CliError, usageError } from './cli-error.ts';
import { EXIT, type ExitCode, exitCodeOfSignal } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import type { Host } from './host.ts';
import { SAME_SIGNAL_MS } from './interrupt.ts';
import { decideListen } from './listen-address.ts';
import { type RunningServer, startServer } from './start-server.ts';
import { formatAddress } from './target.ts';

const STOPPING: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

export interface ServeCommand {
  readonly listen: string | undefined;
  readonly advertise: string | undefined;
  readonly insecureListen: boolean;
  /** `name=value`, in order. */
  readonly assignments: readonly string[];
  /** A Java properties file. */
  readonly configFile: string | undefined;
  readonly durability: string | undefined;
  /** A size, or `none`. */
  readonly maxDisk?: string | undefined;
  readonly readyDescriptor: number | undefined;
}

/** Resolves when a signal has stopped the broker and the directory is marked clean. */
export async function runServe(host: Host, common: CommonOptions, command: ServeCommand): Promise<ExitCode> {
  if (common.target.kind === 'bootstrap') throw usageError('serve runs a broker over a directory; give --dir, not -b');
  const listen = decideListen(command);
  const { settings, keep } = await settingsOf(host, command);
  const alter = maxDiskOf(command.maxDisk);
  const ready =
    command.readyDescriptor === undefined ? undefined : host.openDescriptor(command.readyDescriptor, '--ready-fd');
  const directory = resolve(common.target.path);
  const stop = listenForStop(host);
  try {
    const server = await startServer(host.env, {
      directory,
      listen: listen.addresses,
      advertise: listen.advertise,
      settings,
      keep,
      alter,
      allowNetworkFs: common.allowNetworkFs === true,
      timeoutMs: common.timeoutMs,
      note: (text) => {
        if (!common.quiet) host.stdio.note(text);
      },
    });
    stop.begin();
    const line = readyLine(directory, server);
    if (!common.quiet) host.stdio.note(line);
    try {
      await ready?.writeLine(line);
    } catch (error) {
      host.env.log.warn(`--ready-fd: ${String(error)}`);
    }
    const resigned = await Promise.race([stop.asked, server.resigned]);
    await server.stop();
    if (resigned !== undefined) throw new CliError(EXIT.conflict, `${resigned}; this process stopped serving`);
    return EXIT.ok;
  } finally {
    stop.close();
  }
}

/** What the flags say, for this process; and what the file says, which the directory keeps for every broker of it. */
async function settingsOf(
  host: Host,
  command: ServeCommand,
): Promise<{ settings: BrokerSettings; keep: ReadonlyMap<string, string> | undefined }> {
  const { configFile, assignments, durability } = command;
  const configText = configFile === undefined ? undefined : await readAll(host, configFile);
  try {
    return {
      settings: brokerSettings({ assignments, ...(durability === undefined ? {} : { durability }) }),
      keep: configText === undefined ? undefined : brokerSettings({ configText, assignments: [] }).given,
    };
  } catch (error) {
    if (error instanceof SettingsError) throw usageError(error.message);
    throw error;
  }
}

/** `--max-disk` as a change of what the directory keeps: a command that works without a server obeys it too. */
function maxDiskOf(text: string | undefined): ReadonlyMap<string, string | null> | undefined {
  if (text === undefined) return undefined;
  if (text === 'none') return new Map([[MAX_DISK_SETTING, null]]);
  const value = String(parseByteSize(text, '--max-disk'));
  try {
    return brokerSettings({ assignments: [`${MAX_DISK_SETTING}=${value}`] }).given;
  } catch (error) {
    throw error instanceof SettingsError ? usageError(`--max-disk: ${error.message}`) : error;
  }
}

async function readAll(host: Host, path: string): Promise<string> {
  const input = await host.openInput(path);
  const parts: Buffer[] = [];
  try {
    for (;;) {
      const part = Buffer.alloc(64 << 10);
      const byteCount = await input.read(part);
      if (byteCount === 0) return Buffer.concat(parts).toString();
      parts.push(part.subarray(0, byteCount));
    }
  } finally {
    await input.close();
  }
}

interface Stop {
  /** Resolves with the first signal once the broker runs. */
  readonly asked: Promise<undefined>;
  /** From now on the first signal asks for an orderly stop. */
  begin(): void;
  close(): void;
}

/** A signal before the broker runs, and a second one after, end the process at once; not the same one that came two ways. */
function listenForStop(host: Host): Stop {
  let running = false;
  let signalledMs = Number.NEGATIVE_INFINITY;
  let stop: () => void = () => undefined;
  const asked = new Promise<undefined>((resolveAsked) => {
    stop = () => resolveAsked(undefined);
  });
  const listeners = STOPPING.map((signal) =>
    host.env.proc.onSignal(signal, () => {
      const nowMs = host.env.clock.monotonicMs();
      if (nowMs < signalledMs + SAME_SIGNAL_MS) return;
      if (!running) host.exitNow(exitCodeOfSignal(signal));
      signalledMs = nowMs;
      running = false;
      stop();
    }),
  );
  return {
    asked,
    begin() {
      running = true;
    },
    close() {
      for (const listener of listeners) listener.remove();
    },
  };
}

function readyLine(directory: string, server: RunningServer): string {
  const listening = server.addresses.map(formatAddress);
  const told = formatAddress(server.advertised);
  const clients = listening.includes(told) ? '' : `; clients are sent to ${told}`;
  return `ready: serving ${directory} on ${listening.join(' and ')}${clients}`;
}
