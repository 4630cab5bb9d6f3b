import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { cleanEnvironment, ended, STREAMCTL, startServe, streamctl, withFolder } from '../helpers/streamctl.ts';

async function endedBy(signal: NodeJS.Signals, directory: string): Promise<void> {
  const child = spawn(process.execPath, [STREAMCTL, 'serve', '--dir', directory, '--listen', '127.0.0.1:0'], {
    env: cleanEnvironment(),
  });
  const end = ended(child);
  const ready = await new Promise<string>((resolve) => child.stderr.once('data', (chunk) => resolve(String(chunk))));
  assert.match(ready, /^ready: serving .* on 127\.0\.0\.1:[1-9]\d*\n$/);
  child.kill(signal);
  assert.equal((await end).status, EXIT.ok);
}

describe('e2e: serve', function () {
  this.timeout(120_000);

  it('is found by the directory and reached by its address, and what it took is there without it', () =>
    withFolder(async (directory) => {
      const server = await startServe(directory);
      const input = Array.from({ length: 20_000 }, (_, index) => `${index}\n`).join('');
      const byDirectory = await streamctl(['produce', 'a', '--create', '-q', '--dir', directory], { input });
      assert.equal(byDirectory.status, EXIT.ok, byDirectory.stderr);
      const byAddress = await streamctl(['consume', 'a', '-e', '-b', server.bootstrap]);
      assert.equal(byAddress.stdout.toString(), input, byAddress.stderr);
      assert.equal(await server.stop(), EXIT.ok);
      const after = await streamctl(['consume', 'a', '-e', '--dir', directory]);
      assert.equal(after.stdout.toString(), input, after.stderr);
    }));

  for (const signal of ['SIGINT', 'SIGHUP'] as const) {
    it(`says where it listens on standard error; ${signal} ends it with 0`, () =>
      withFolder((directory) => endedBy(signal, directory)));
  }

  it('keeps the settings of --config in the directory, those of -X for itself', () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      const file = join(folder, 'server.properties');
      writeFileSync(file, 'message.max.bytes=2000\n');
      const configured = await startServe(directory, '--config', file, '-X', 'message.max.bytes=3000');
      assert.equal((await streamctl(['topics', 'create', 't', '-q', '--dir', directory])).status, EXIT.ok);
      const line = `${'x'.repeat(2500)}\n`;
      const produce = () => streamctl(['produce', 't', '-q', '--dir', directory], { input: line });
      assert.equal((await produce()).status, EXIT.ok, 'the flag wins');
      assert.equal(await configured.stop(), EXIT.ok);
      assert.equal((await produce()).status, EXIT.data, 'with no server the file counts');

      writeFileSync(file, '');
      assert.equal(await (await startServe(directory, '--config', file)).stop(), EXIT.ok);
      assert.equal((await produce()).status, EXIT.ok, 'another file takes the place of the first');
    }));

  it('a taken port and a served directory are conflicts that say what to do', () =>
    withFolder(async (folder) => {
      const server = await startServe(`${folder}/a`);
      const samePort = await streamctl(['serve', '--dir', `${folder}/b`, '--listen', server.bootstrap]);
      assert.equal(samePort.status, EXIT.conflict);
      assert.match(samePort.stderr, /--listen/);
      const sameDirectory = await streamctl(['serve', '--dir', `${folder}/a`, '--listen', '127.0.0.1:0']);
      assert.equal(sameDirectory.status, EXIT.conflict);
      assert.match(sameDirectory.stderr, new RegExp(`process ${server.process.pid}\\b`));
      assert.equal(await server.stop(), EXIT.ok);
    }));

  it('takes the place of a command that is the broker, which goes on as its client', () =>
    withFolder(async (directory) => {
      await streamctl(['topics', 'create', 't', '-q', '--dir', directory]);
      const follower = spawn(process.execPath, [STREAMCTL, 'consume', 't', '-c', '2', '--dir', directory], {
        env: cleanEnvironment(),
      });
      const end = ended(follower);
      await streamctl(['produce', 't', '-q', '--dir', directory], { input: 'one\n' });
      const server = await startServe(directory);
      const produced = await streamctl(['produce', 't', '-q', '-b', server.bootstrap], { input: 'two\n' });
      assert.equal(produced.status, EXIT.ok, produced.stderr);
      const { status, stdout } = await end;
      assert.equal(stdout.toString(), 'one\ntwo\n');
      assert.equal(status, EXIT.ok);
      assert.equal(await server.stop(), EXIT.ok);
    }));

  it('nobody at an address is exit status 6 within --timeout', async () => {
    const run = await streamctl(['topics', 'list', '-b', '127.0.0.1:1', '--timeout', '500ms']);
    assert.equal(run.status, EXIT.unreachable);
    assert.match(run.stderr, /127\.0\.0\.1:1/);
  });
});
