/** How commands end: signals, readers that leave, outputs that refuse, lines that are too long. */
import assert from 'node:assert/strict';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { withShell } from './shell.ts';

const FILL = 'seq 1 100000 | streamctl produce n --create -q';

describe('e2e: how commands end', function () {
  this.timeout(120_000);

  it('a reader that leaves is exit status 141, without a word', () =>
    withShell(async (shell) => {
      const run = await shell(`${FILL}; streamctl consume n -e | head -1; echo "\${PIPESTATUS[0]}"`);
      assert.equal(run.stdout.toString(), '1\n141\n');
      assert.equal(run.stderr, '');
    }));

  it('the reader of a consume that waits for records is missed too', () =>
    withShell(async (shell) => {
      const run = await shell(`seq 1 3 | streamctl produce n --create -q
        streamctl consume n | head -3; echo "\${PIPESTATUS[0]}"`);
      assert.equal(run.stdout.toString(), '1\n2\n3\n141\n');
    }));

  it('an error that cannot be told keeps its exit status', () =>
    withShell(async (shell) => {
      assert.equal((await shell('streamctl consume nosuch 2> /dev/full')).status, EXIT.notFound);
    }));

  it('help and version that cannot be written are exit status 1 and one line', () =>
    withShell(async (shell) => {
      for (const flag of ['--help', '--version']) {
        const run = await shell(`streamctl ${flag} > /dev/full`);
        assert.equal(run.status, EXIT.runtime);
        assert.match(run.stderr, /^streamctl: [^\n]*ENOSPC[^\n]*\n$/);
      }
    }));

  it('SIGUSR1 opens no debugger', () =>
    withShell(async (shell) => {
      const run = await shell(`echo a | streamctl produce t --create -q; set -m
        streamctl consume t > out & pid=$!
        while [ ! -s out ]; do sleep 0.05; done
        kill -USR1 $pid; sleep 0.5; kill -TERM $pid; wait $pid; echo $?`);
      assert.equal(run.stdout.toString(), '143\n');
      assert.doesNotMatch(run.stderr, /Debugger/);
    }));

  it('names with escape sequences are shown, not obeyed, and the rule for names is told', () =>
    withShell(async (shell) => {
      const run = await shell(`streamctl topics create t -q; streamctl consume $'\\e[31mred' -e`);
      assert.equal(run.status, EXIT.usage);
      assert.doesNotMatch(run.stderr, new RegExp(String.fromCharCode(27)));
      assert.match(run.stderr, /\\x1b\[31mred.*249/);
    }));

  it('a descriptor that nobody opened is exit status 2 before anything is made', () =>
    withShell(async (shell) => {
      for (const descriptor of [3, 5, 9, 10, 12, 13, 17]) {
        const run = await shell(`echo a | streamctl produce t --create --receipts ${descriptor}`);
        assert.equal(run.status, EXIT.usage, `${descriptor}: ${run.stderr}`);
      }
      assert.equal((await shell('ls')).stdout.toString(), 'streamctl\n');
      assert.equal((await shell('streamctl serve --listen 127.0.0.1:0 --ready-fd 12')).status, EXIT.usage);
    }));

  it('a full disk under the output is exit status 1', () =>
    withShell(async (shell) => {
      const run = await shell(`${FILL}; streamctl consume n -e > /dev/full`);
      assert.equal(run.status, EXIT.runtime);
      assert.match(run.stderr, /ENOSPC/);
      const short = await shell('echo hi | streamctl produce s --create -q; streamctl consume s -e > /dev/full');
      assert.equal(short.status, EXIT.runtime, 'also when all of it fits one write');
    }));

  it('a line that is too long stops with its number and offset; what came before is stored', () =>
    withShell(async (shell) => {
      const run = await shell(
        "(seq 1 3; head -c 2000000 /dev/zero | tr '\\0' x; echo; echo after) | streamctl produce t --create",
      );
      assert.equal(run.status, EXIT.data);
      assert.match(run.stderr, /line 4\b/);
      assert.match(run.stderr, /byte offset 6\b/);
      assert.match(run.stderr, /acked: the first 3 lines, 6 bytes/);
      const stored = await shell('streamctl consume t -e');
      assert.equal(stored.stdout.toString(), '1\n2\n3\n');
    }));

  it('a line without its key delimiter stops likewise', () =>
    withShell(async (shell) => {
      const run = await shell("printf 'a:1\\nb:2\\nnone\\nc:3\\n' | streamctl produce t --create -K :");
      assert.equal(run.status, EXIT.data);
      assert.match(run.stderr, /line 3\b/);
      const stored = await shell('streamctl consume t -e');
      assert.equal(stored.stdout.toString(), '1\n2\n');
    }));

  for (const [signal, status] of [
    ['TERM', 143],
    ['INT', 130],
    ['HUP', 129],
  ] as const) {
    it(`SIG${signal} on produce: what was read is stored, the receipt is true, the exit status ${status}`, () =>
      withShell(async (shell) => {
        const run = await shell(`
          mkfifo in; set -m
          streamctl produce t --create --receipts 3 < in 3> receipts & pid=$!
          exec 4> in; seq 1 1000 >&4
          while ! grep -q '"lines":1000,' receipts; do sleep 0.05; done
          kill -${signal} $pid; wait $pid; echo $?
          tail -1 receipts; streamctl consume t -e | wc -l`);
        assert.equal(run.stdout.toString(), `${status}\n{"lines":1000,"bytes":3893}\n1000\n`);
        assert.match(run.stderr, /interrupted: 1000 lines/);
      }));
  }

  it('SIGINT on a consume that waits is 130', () =>
    withShell(async (shell) => {
      const run = await shell(`
        echo hi | streamctl produce t --create -q; set -m
        streamctl consume t > out & pid=$!
        while ! grep -q hi out; do sleep 0.05; done
        kill -INT $pid; wait $pid; echo $?`);
      assert.equal(run.stdout.toString(), '130\n');
      assert.doesNotMatch(run.stderr, /streamctl:/);
    }));

  it('receipts only rise, and the last one is the whole input', () =>
    withShell(async (shell) => {
      const run = await shell('seq 1 300000 | streamctl produce t --create -q --receipts 5 5> receipts; cat receipts');
      assert.equal(run.status, EXIT.ok, run.stderr);
      const receipts: { lines: number; bytes: number }[] = run.stdout
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      for (const [index, receipt] of receipts.entries()) assert.ok(receipt.lines > (receipts[index - 1]?.lines ?? 0));
      assert.deepEqual(receipts.at(-1), { lines: 300_000, bytes: 1_988_895 });
    }));

  it('counts and offsets choose what comes out', () =>
    withShell(async (shell) => {
      const run = await shell(`
        ${FILL}
        streamctl consume n -c 2; streamctl consume n -o 99998 -e; streamctl consume n -o -1 -e
        streamctl consume n -o latest -e; streamctl consume n -o @2001-01-01 -c 1; streamctl consume n -o @now -e`);
      assert.equal(run.stdout.toString(), '1\n2\n99999\n100000\n100000\n1\n');
      assert.equal(run.status, EXIT.ok, run.stderr);
    }));
});
