/** The real Host: this process. */
import { isatty } from 'node:tty';
import { openDescriptorWriter } from './fd-writer.ts';
import type { Host } from './host.ts';
import { watchStdoutReader } from './reader-watch.ts';
import { realEnv, realStdio } from './real-env.ts';
import { drawOnStderr, syncStdout } from './real-stdio.ts';

export function processHost(options: { readonly quiet: boolean; readonly debug: boolean }): Host {
  const env = realEnv(options);
  const stdio = realStdio();
  let drawing = false;
  return {
    env,
    stdio,
    variables: process.env,
    isTerminal: (stream) => isatty(stream),
    async checkInput(path) {
      if (path !== '-') await (await fileInputs()).checkFileInput(path);
    },
    async openInput(path) {
      if (path !== '-') return (await fileInputs()).openFileInput(path);
      return { name: 'standard input', read: (target) => stdio.read(target), close: async () => undefined };
    },
    openDescriptor: openDescriptorWriter,
    draw(text) {
      // Never waited for: a terminal that is held back with Ctrl-S must not hold back the command.
      if (drawing) return;
      drawing = true;
      drawOnStderr(text, () => {
        drawing = false;
      });
    },
    watchReader: watchStdoutReader,
    syncOutput: syncStdout,
    exitNow: (code) => process.exit(code),
  };
}

/** Loaded when a file is named: most runs read standard input. */
function fileInputs() {
  return import('./file-input.ts');
}
