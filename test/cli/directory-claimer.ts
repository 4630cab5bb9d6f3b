/**
 * A process of `directory-processes.test.ts`: `<directory> <guard> <turns> [hold]`. Opens the directory, does one request and
 * closes, as often as asked; while it is the broker itself it holds a file that exists once. With `hold` it stays the broker.
 */
import { openSync, unlinkSync } from 'node:fs';
import { openDirectoryTransport } from '../../src/cli/directory-transport.ts';
import { realEnv } from '../../src/cli/real-env.ts';
import { listTopics } from '../../src/client/admin.ts';
import { readOwnerRecord } from '../../src/cluster/owner-record.ts';

async function main([directory = '', guard = '', turns = '', hold = '']: readonly string[]): Promise<void> {
  const env = realEnv();
  for (let turn = 0; turn < Number(turns); turn++) {
    const transport = await openDirectoryTransport(env, {
      directory,
      command: 'test',
      timeoutMs: 20_000,
      createDirectory: true,
      note: () => undefined,
    });
    const owner = await readOwnerRecord(env, directory, 1);
    const isOurs = owner?.released === false && owner.process.pid === process.pid;
    if (isOurs) openSync(guard, 'wx');
    await listTopics({ env, transport, timeoutMs: 20_000 });
    process.stdout.write(isOurs ? 'broker\n' : 'client\n');
    if (hold !== '') await env.clock.sleep(60_000);
    if (isOurs) unlinkSync(guard);
    await transport.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exitCode = 1;
});
