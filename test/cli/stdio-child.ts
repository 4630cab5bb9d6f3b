/**
 * A process on its standard streams. Argument 1:
 * `copy`         standard input to standard output, then exit 0; an error's code goes to standard error, exit 1
 * `exit-reading` exits with 5 while it waits for input
 * `note`         writes argument 3 to standard error, exits 0 after argument 2 ms
 * `exit-writing` exits with 6 while it waits for room in its output, after argument 2 ms
 */
import { realEnv, realStdio } from '../../src/cli/real-env.ts';

const [mode, value, text = ''] = process.argv.slice(2);
const env = realEnv();
const stdio = realStdio();
const target = Buffer.alloc(1 << 20);

async function copy(): Promise<void> {
  for (;;) {
    const byteCount = await stdio.read(target);
    if (byteCount === 0) return;
    await stdio.write(target.subarray(0, byteCount));
  }
}

async function main(): Promise<void> {
  if (mode === 'copy') {
    await copy();
    process.exit(0);
  } else if (mode === 'exit-reading') {
    env.clock.timer(50, () => process.exit(5));
    await stdio.read(target);
  } else if (mode === 'note') {
    stdio.note(text);
    env.clock.timer(Number(value), () => process.exit(0));
  } else {
    await exitWriting(Number(value));
  }
}

async function exitWriting(afterMs: number): Promise<void> {
  let writtenCount = 0;
  let turnCount = 0;
  const turn = (): void => {
    turnCount += 1;
    env.clock.timer(5, turn);
  };
  turn();
  env.clock.timer(afterMs, () => {
    stdio.note(`${writtenCount} ${turnCount}`);
    process.exit(6);
  });
  for (;;) {
    await stdio.write(target);
    writtenCount += 1;
  }
}

main().catch((error: NodeJS.ErrnoException) => {
  stdio.note(error.code ?? String(error));
  process.exit(1);
});
