/** A process that runs changed files, and says at its end what came of them, in one line. Arguments: seed, first, step, end. */
import { runChangedFiles } from './changed-files.ts';

const [seed = 1, first = 0, step = 1, end = 0] = process.argv.slice(2).map(Number);
process.stdout.write(`${JSON.stringify(await runChangedFiles(seed, first, step, end))}\n`);
