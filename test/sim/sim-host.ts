/** `Host` of one simulated process: standard streams, receipts, no terminal. */
import type { DescriptorWriter, Host } from '../../src/cli/host.ts';
import type { SimProgram } from './sim-machine.ts';
import { systemError } from './system-error.ts';

/** The descriptor under which a simulated command writes its receipts. */
export const RECEIPTS = 3;

/** `onLine` gets what the command writes to a descriptor of its caller. */
export function simHost({ env, process, stdio }: SimProgram, onLine: (line: string) => void = () => undefined): Host {
  const writer: DescriptorWriter = {
    writeLine: (line) =>
      process.perform('disk', 0.05, () => {
        if (!process.isDead) onLine(line);
      }),
  };
  return {
    env,
    stdio,
    variables: {},
    isTerminal: () => false,
    checkInput: async () => undefined,
    openInput: async (path) => {
      if (path !== '-') throw systemError('ENOENT', 'open', path);
      return { name: 'standard input', read: (target) => stdio.read(target), close: async () => undefined };
    },
    openDescriptor: () => writer,
    draw: () => undefined,
    watchReader: () => ({ close: () => undefined }),
    syncOutput: async () => undefined,
    exitNow: (code) => process.exit(code),
  };
}
