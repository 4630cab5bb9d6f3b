import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { withShell } from './shell.ts';

/** Empty lines, NUL, bytes that are no UTF-8, a carriage return, a long line. */
const ODD_TEXT = Buffer.concat([
  Buffer.from('first\n\n\nnul\0inside\n'),
  Buffer.from([0xff, 0xfe, 0x80, 0x0a, 0xc3, 0x28, 0x0a]),
  Buffer.from('with carriage return\r\n \n'),
  Buffer.alloc(900_000, 'x'),
  Buffer.from('\nlast\n'),
]);

describe('e2e: without a broker', function () {
  this.timeout(120_000);

  it('lines go in and come out the same', () =>
    withShell(async (shell) => {
      const run = await shell(`
        seq 1 200000 | streamctl produce n --create || exit
        streamctl consume n -e | cmp - <(seq 1 200000)`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      assert.equal(run.stdout.toString(), '');
      assert.match(run.stderr, /^200000 lines, 1288895 bytes acked in /);
    }));

  it('any bytes do, and the last line without its newline is sent too', () =>
    withShell(async (shell) => {
      const produced = await shell('streamctl produce odd --create -q', ODD_TEXT);
      assert.equal(produced.status, EXIT.ok, produced.stderr);
      assert.equal(produced.stderr, '');
      const consumed = await shell('streamctl consume odd -e');
      assert.ok(consumed.stdout.equals(ODD_TEXT));
      const open = await shell("printf 'a\\nb' | streamctl produce open --create -q && streamctl consume open -e");
      assert.equal(open.stdout.toString(), 'a\nb\n');
    }));

  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    it(`-z ${codec} round-trips`, () =>
      withShell(async (shell) => {
        const run = await shell(`
          seq 1 50000 | streamctl produce z --create -q -z ${codec} || exit
          streamctl consume z -e | cmp - <(seq 1 50000)`);
        // Where no zstd is to be had, the message says what to install.
        if (run.status === EXIT.usage && codec === 'zstd') assert.match(run.stderr, /node-zstd/);
        else assert.equal(run.status, EXIT.ok, run.stderr);
      }));
  }

  it('keys, partitions, delimiters and formats', () =>
    withShell(async (shell) => {
      const run = await shell(`
        set -e
        streamctl topics create t --partitions 4 -q
        printf 'k1:v1\\nk2:v:2\\n:empty key\\n' | streamctl produce t -q -K :
        streamctl consume t -e -f '%k|%s\\n' | LC_ALL=C sort
        printf 'x\\0y\\nz\\0' | streamctl produce t -q -0 -p 3
        streamctl consume t -e -p 3 -o -2 -f '%p %S;'
        streamctl consume t -e -p 3 -o -2 -D '\\xff' | od -An -tx1`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      assert.equal(run.stdout.toString(), 'k1|v1\nk2|v:2\n|empty key\n3 1;3 3; 78 ff 79 0a 7a ff\n');
    }));

  it('only a command that makes something makes a directory', () =>
    withShell(async (shell, folder) => {
      for (const command of ['topics list', 'topics describe t', 'topics delete t', 'consume t -e', 'produce t']) {
        const run = await shell(`streamctl ${command} < /dev/null`);
        assert.equal(run.status, EXIT.notFound, `${command}: ${run.stderr}`);
        assert.match(run.stderr, /^streamctl [^\n]+\n$/);
        assert.equal(existsSync(`${folder}/dir`), false, command);
      }
    }));

  it('an absent topic is exit status 5, and the message says --create', () =>
    withShell(async (shell) => {
      const run = await shell('streamctl topics create there -q; echo x | streamctl produce absent');
      assert.equal(run.status, EXIT.notFound);
      assert.match(run.stderr, /there is no topic 'absent' .*--create/);
      const listed = await shell('streamctl topics list --json');
      assert.deepEqual(
        JSON.parse(listed.stdout.toString()).items.map((topic: { name: string }) => topic.name),
        ['there'],
      );
    }));

  it('files are read in turn, and a missing one is found before anything is sent', () =>
    withShell(async (shell) => {
      const run = await shell(`
        set -e
        seq 1 3 > a; printf 4 > b
        streamctl produce f --create -q a b - <(echo 6) <<< 5
        streamctl consume f -e | tr '\\n' ' '
        set +e
        streamctl produce f a missing -q; echo "status $?"
        streamctl consume f -e | wc -l`);
      assert.equal(run.stdout.toString(), '1 2 3 4 5 6 status 5\n6\n');
      assert.match(run.stderr, /no file missing/);
    }));
});
