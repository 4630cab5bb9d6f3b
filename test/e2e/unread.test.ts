/** Outputs that nobody reads and brokers that do not answer: a command can be ended all the same, and leaves all in order. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { cleanEnvironment, ended, STREAMCTL } from '../helpers/streamctl.ts';
import { withShell } from './shell.ts';

const FILL = 'seq 1 100000 | streamctl produce n --create -q';
/** A pipe with a reader that reads nothing. */
const UNREAD = 'mkfifo unread; exec 4<> unread';
/** The signal before has reached the process: of two that wait for one that does not run the later is taken first. */
const TAKEN = "while grep -q 'ShdPnd:.*[1-9a-f]' /proc/$pid/status 2> /dev/null; do :; done";

describe('e2e: what nobody reads or answers', function () {
  this.timeout(60_000);

  it('a consume whose output nobody reads ends at a signal, and hands its broker over', () =>
    withShell(async (shell, folder) => {
      const run = await shell(`${FILL}; ${UNREAD}; set -m
        streamctl consume n > unread & pid=$!
        until ls dir/brokers/1/s-* > /dev/null 2>&1; do sleep 0.05; done; sleep 0.5
        date +%s; kill -INT $pid; wait $pid; echo $?; date +%s`);
      const [began, status, finished] = run.stdout.toString().split('\n').map(Number);
      assert.equal(status, 130, run.stderr);
      assert.ok((finished ?? 0) - (began ?? 0) <= 5, run.stdout.toString());
      assert.match(readFileSync(join(folder, 'dir/brokers/1/owner.json'), 'utf8'), /"released":true/);
      assert.equal((await shell('streamctl consume n -e | wc -l')).stdout.toString().trim(), '100000');
    }));

  // One within 100 ms of the first counts as the same; without a second it takes a second to end.
  it('a second signal ends it at once', () =>
    withShell(async (shell) => {
      const run = await shell(`${FILL}; ${UNREAD}; set -m
        streamctl consume n > unread & pid=$!
        until ls dir/brokers/1/s-* > /dev/null 2>&1; do sleep 0.05; done; sleep 0.5
        kill -INT $pid; ${TAKEN}; for i in 1 2 3 4 5; do sleep 0.15; kill -TERM $pid 2> /dev/null; done; wait $pid; echo $?`);
      assert.equal(run.stdout.toString(), '143\n');
    }));

  it('receipts that nobody reads hold up a produce for no longer than --timeout, or until a signal', () =>
    withShell(async (shell) => {
      const run = await shell(`${UNREAD}; node -e "
          const fs = require('fs'), pipe = fs.openSync('unread', fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
          try { for (;;) fs.writeSync(pipe, 'x'.repeat(100)); } catch {}
          try { for (;;) fs.writeSync(pipe, 'x'); } catch {}"
        echo a | streamctl produce t --create --receipts 4 --timeout 1s; echo $?
        streamctl produce t --receipts 4 < <(echo b) & pid=$!
        while [ "$(streamctl consume t -e | wc -l)" != 2 ]; do sleep 0.05; done; sleep 0.3
        kill -TERM $pid; wait $pid; echo $?`);
      assert.equal(run.stdout.toString(), '0\n143\n', run.stderr);
      assert.match(run.stderr, /--receipts/);
    }));

  it('other programs on the same pipe go on writing to it as ever', () =>
    withShell(async (shell) => {
      const run = await shell(`echo hi | streamctl produce t --create -q
        ( timeout -s INT 3 streamctl consume t & sleep 1; head -c 3000000 /dev/zero; wait ) | (sleep 2; wc -c)`);
      assert.equal(run.stderr, '');
      assert.equal(run.stdout.toString().trim(), '3000003');
    }));

  it('a broker that accepts and says nothing: a signal ends produce and consume at once', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    for (const [command, address] of [
      ['consume', `127.0.0.1:${port}`],
      ['produce', `127.0.0.1:${port}`],
      ['consume', '127.0.0.1:1'],
    ] as const) {
      const args = [STREAMCTL, command, 't', '-b', address, '--timeout', '0'];
      const child = spawn(process.execPath, args, { env: cleanEnvironment() });
      const end = ended(child);
      await new Promise((resolve) => setTimeout(resolve, 800));
      const beganMs = performance.now();
      child.kill('SIGTERM');
      assert.equal((await end).status, 143);
      assert.ok(performance.now() - beganMs < 900, `${command} ${address}: ${performance.now() - beganMs} ms`);
    }
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
});
