/**
 * What `consume --group` owes a script (rules R11 to R18), by directory and over TCP, in a classic group and in one of KIP-848. That a
 * member has left is seen by the next one: it has all partitions at once, and not only when a session of six seconds is over.
 */
import assert from 'node:assert/strict';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { startServe } from '../helpers/streamctl.ts';
import { type Shell, withShell } from './shell.ts';

/** Less than a session, more than any run here takes. */
const AT_ONCE_MS = 5_000;

const SIGNALS = { INT: 130, TERM: 143, HUP: 129 } as const;

for (const protocol of ['classic', 'consumer'] as const) {
  for (const target of ['directory', 'TCP'] as const) {
    describe(`e2e: consume --group, ${protocol} by ${target}`, function () {
      this.timeout(120_000);

      const G = `-g g --group-protocol ${protocol}`;

      /** `t` with 100 lines over three partitions, one of them empty. */
      function withLines(use: (shell: Shell) => Promise<void>): Promise<void> {
        return withShell(async (shell, folder) => {
          const serving = target === 'TCP' ? await startServe(`${folder}/dir`) : undefined;
          const to = serving && `unset STREAMCTL_DIR; export STREAMCTL_BOOTSTRAP_SERVER=${serving.bootstrap}\n`;
          const there: Shell = (script, input) => shell(`${to ?? ''}${script}`, input);
          try {
            const made = await there(`streamctl topics create t --partitions 3 &&
              seq 1 50 | streamctl produce t -q -p 0 && seq 51 100 | streamctl produce t -q -p 2`);
            assert.equal(made.status, 0, made.stderr);
            await use(there);
          } finally {
            await serving?.stop();
          }
        });
      }

      /** What the next run reads; it must not have to wait for anybody's session to end. */
      async function rest(shell: Shell): Promise<number[]> {
        const fromMs = Date.now();
        const run = await shell(`streamctl consume t ${G} -e`);
        assert.equal(run.status, 0, run.stderr);
        assert.ok(Date.now() - fromMs < AT_ONCE_MS, `the one before has left: ${Date.now() - fromMs} ms`);
        return numbers(run.stdout);
      }

      it('R11, R15: what was read to the end, or up to a count, is committed, exactly', () =>
        withLines(async (shell) => {
          const some = await shell(`streamctl consume t ${G} -c 7`);
          assert.equal(some.status, 0, some.stderr);
          const more = await shell(`streamctl consume t ${G} -c 50`);
          const all = [...numbers(some.stdout), ...numbers(more.stdout), ...(await rest(shell))];
          assert.equal(numbers(some.stdout).length, 7);
          assert.deepEqual(sorted(all), upTo(100));
          assert.deepEqual(await rest(shell), []);
        }));

      it('R11, R30: nothing is committed of what a full device did not take', () =>
        withLines(async (shell) => {
          const full = await shell(`streamctl consume t ${G} -e > /dev/full`);
          assert.equal(full.status, EXIT.runtime);
          assert.match(full.stderr, /ENOSPC/);
          assert.deepEqual(sorted(await rest(shell)), upTo(100));
        }));

      it('R11: with --fsync what is committed is in the file', () =>
        withLines(async (shell) => {
          const run = await shell(`streamctl consume t ${G} -e --fsync > out; status=$?; cat out; exit $status`);
          assert.equal(run.status, 0, run.stderr);
          assert.deepEqual(sorted(numbers(run.stdout)), upTo(100));
          assert.deepEqual(await rest(shell), []);
        }));

      it('R12: a reader that leaves is 141 without a word, and what it did not take is read again', () =>
        withLines(async (shell) => {
          const run = await shell(`seq 101 200000 | streamctl produce t -q -p 1
            streamctl consume t ${G} -e | head -3 > /dev/null; echo "\${PIPESTATUS[0]}"`);
          assert.equal(run.stdout.toString(), '141\n');
          assert.equal(run.stderr, '');
          const after = await rest(shell);
          assert.equal(after.at(-1) === undefined, false);
          assert.ok(after.length > 100_000, 'a pipe holds 64 KiB; the rest is read again');
        }));

      it('R13: a reader that leaves while nothing comes is missed', () =>
        withLines(async (shell) => {
          const run = await shell(`streamctl consume t ${G} | head -100 | wc -l; echo "\${PIPESTATUS[0]}"`);
          assert.equal(run.stdout.toString(), '100\n141\n');
          assert.deepEqual(await rest(shell), []);
        }));

      it('R14: signals commit and leave', () =>
        withLines(async (shell) => {
          for (const [signal, status] of Object.entries(SIGNALS)) {
            const run = await shell(`set -m; seq 1 10 | streamctl produce t -q -p 1; : > out
              streamctl consume t ${G} > out & pid=$!
              while [ "$(tail -n 1 out)" != 10 ] && [ $(wc -l < out) -lt 110 ]; do sleep 0.05; done
              kill -${signal} $pid; wait $pid; echo $?`);
            assert.equal(run.stdout.toString(), `${status}\n`, run.stderr);
            assert.deepEqual(await rest(shell), []);
          }
        }));

      it('R15: a member that fails leaves too', () =>
        withLines(async (shell) => {
          const run = await shell(`streamctl consume t ${G} -e -f '%s' -o 60`);
          assert.equal(run.status, EXIT.data, run.stderr);
          assert.match(run.stderr, /offset 60 is not there/);
          assert.deepEqual(sorted(await rest(shell)), upTo(100));
        }));

      it('R16: two members that read to the end share all, and both end', () =>
        withLines(async (shell) => {
          const run = await shell(`streamctl consume t ${G} -e > a & a=$!
            streamctl consume t ${G} -e > b & b=$!
            streamctl consume t ${G} -e > c & c=$!
            streamctl consume t ${G} -e > d & d=$!
            wait $a || echo failed $?; wait $b || echo failed $?; wait $c || echo failed $?; wait $d || echo failed $?
            cat a b c d`);
          assert.deepEqual(sorted(numbers(run.stdout)), upTo(100), run.stderr);
        }));

      it('R16: a member without partitions waits for those that have them, until --timeout', () =>
        withLines(async (shell) => {
          // The reader of who has the partition takes nothing, so that one does not come to the end. It is a static member, so that
          // whoever assigns begins with it.
          const run = await shell(`set -m; streamctl topics create one --partitions 1 -q
            seq -f 'line %090g' 1 90000 | streamctl produce one -q
            mkfifo pipe; (while [ ! -e go ]; do sleep 0.1; done; exec cat) < pipe > out & reader=$!
            streamctl consume one ${G} --group-instance-id a > pipe & holder=$!
            sleep 2; streamctl consume one ${G} -e --timeout 2s; echo $?
            touch go; for i in $(seq 150); do [ $(wc -l < out) -ge 90000 ] && break; sleep 0.1; done; sleep 1
            kill -INT $holder; wait $holder; echo $?; wait $reader
            wc -l < out; sort -u out | wc -l; streamctl consume one ${G} -e | wc -l`);
          const told = run.stdout.toString().trim().split('\n').map(Number);
          // What was still in the pipe when the partition was taken away for a moment is not read twice.
          assert.deepEqual(told, [EXIT.unreachable, 130, 90_000, 90_000, 0], run.stderr);
        }));

      it('R17: a topic that is not there is 5, and no member', () =>
        withLines(async (shell) => {
          const run = await shell(`streamctl consume nosuch ${G}`);
          assert.equal(run.status, EXIT.notFound);
        }));

      it('R18: a gap is 9 unless it may be crossed, and is told then', () =>
        withLines(async (shell) => {
          const run = await shell(`streamctl consume t ${G} -e -o 1000 --on-gap earliest`);
          assert.equal(run.status, 0, run.stderr);
          assert.deepEqual(sorted(numbers(run.stdout)), upTo(100));
          assert.match(run.stderr, /offset 1000 is not there.*going on at 0/);
          assert.deepEqual(await rest(shell), []);
        }));
    });
  }
}

describe('e2e: consume --group, whatever the protocol', function () {
  this.timeout(120_000);

  it('goes where the members of the group are', () =>
    withShell(async (shell) => {
      for (const protocol of ['classic', 'consumer']) {
        const run = await shell(`seq 1 10 | streamctl produce t${protocol} --create -q; : > out
          streamctl consume t${protocol} -g ${protocol} --group-protocol ${protocol} > out & pid=$!
          while [ $(wc -l < out) -lt 10 ]; do sleep 0.05; done
          streamctl consume t${protocol} -g ${protocol} -e; echo $?
          kill -INT $pid; wait $pid; echo $?`);
        assert.equal(run.stdout.toString(), '0\n130\n', run.stderr);
      }
    }));

  it('the protocol that was asked for is not given up', () =>
    withShell(async (shell) => {
      for (const [theirs, ours] of [
        ['classic', 'consumer'],
        ['consumer', 'classic'],
      ]) {
        const run = await shell(`seq 1 10 | streamctl produce ${theirs} --create -q; : > out
          streamctl consume ${theirs} -g ${theirs} --group-protocol ${theirs} > out & pid=$!
          while [ $(wc -l < out) -lt 10 ]; do sleep 0.05; done
          streamctl consume ${theirs} -g ${theirs} --group-protocol ${ours} -e; echo $?
          kill -INT $pid; wait $pid; echo $?`);
        assert.equal(run.stdout.toString(), `${EXIT.conflict}\n130\n`, run.stderr);
      }
    }));

  it('--partition is refused beside --group', () =>
    withShell(async (shell) => {
      assert.equal((await shell('streamctl consume t -g g -p 0')).status, EXIT.usage);
    }));

  it('members by address outlive a kill -9 of the broker, and what they committed stays', () =>
    withShell(async (shell, folder) => {
      for (const protocol of ['classic', 'consumer']) {
        let serving = await startServe(`${folder}/dir`);
        const at = `-b ${serving.bootstrap}`;
        const group = `-g ${protocol} --group-protocol ${protocol} ${at}`;
        try {
          const topic = `t-${protocol}`;
          const reading = shell(`seq 1 10 | streamctl produce ${topic} --create -q ${at}
            streamctl consume ${topic} ${group} -c 20 > out; echo $?; streamctl consume ${topic} ${group} -e | wc -l
            sort -n out | uniq | wc -l; wc -l < out`);
          await new Promise((resolve) => setTimeout(resolve, 2_500));
          await serving.kill();
          serving = await startServe(`${folder}/dir`, '--listen', serving.bootstrap);
          const made = await shell(`seq 11 20 | streamctl produce ${topic} -q ${at}`);
          assert.equal(made.status, 0, made.stderr);
          const run = await reading;
          assert.deepEqual(run.stdout.toString().trim().split('\n').map(Number), [0, 0, 20, 20], run.stderr);
        } finally {
          await serving.stop();
        }
      }
    }));

  it('two members by directory: the one that is the broker is killed, the other goes on with all', () =>
    withShell(async (shell) => {
      const run = await shell(`set -m; streamctl topics create t --partitions 4 -q
        give() { for p in 0 1 2 3; do seq $1 $2 | sed "s/^/$p-/" | streamctl produce t -q -p $p; done; }
        give 1 100; : > a; : > b
        streamctl consume t -g g > a & a=$!
        while [ $(wc -l < a) -lt 400 ]; do sleep 0.05; done
        streamctl consume t -g g > b & b=$!
        sleep 3; give 101 200
        while [ $(cat a b | wc -l) -lt 800 ]; do sleep 0.05; done
        sleep 1.5; kill -9 $a; give 201 300
        for i in $(seq 200); do [ $(cat a b | wc -l) -ge 1200 ] && break; sleep 0.05; done
        kill -TERM $b; wait $b; echo $?; streamctl consume t -g g -e | wc -l
        wc -l < b; cat a b | sort | uniq -c | awk '$1 > 1' | wc -l; sort -u a b | wc -l`);
      const [status, left, second, repeated, all] = run.stdout.toString().trim().split('\n').map(Number);
      assert.deepEqual({ status, left, repeated, all }, { status: 143, left: 0, repeated: 0, all: 1200 }, run.stderr);
      assert.ok((second ?? 0) >= 600, `the second had its share: ${second}`);
    }));
});

function numbers(text: Buffer): number[] {
  return text.toString().split('\n').filter(Boolean).map(Number);
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((left, right) => left - right);
}

function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}
