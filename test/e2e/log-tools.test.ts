import assert from 'node:assert/strict';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { withShell } from './shell.ts';

const FILL = `
  set -e
  streamctl topics create t --config segment.bytes=1048576
  seq 1 300000 | streamctl produce t -q
  seq 1 2000 | streamctl produce t -q -z gzip
  printf 'k:\\x1b[2J\\n' | streamctl produce t -q -K :
  cd $DIR/brokers/1/log/t-0`;

describe('e2e: log dump, stats and index-rebuild', function () {
  this.timeout(120_000);

  it('dump shows batches, records and the entries of the files beside them', () =>
    withShell(async (shell) => {
      const run = await shell(`${FILL}
        streamctl log dump --json | head -1
        streamctl log dump . --records | tail -1
        streamctl log dump 00000000000000000000.timeindex
        streamctl log dump leader-epoch-checkpoint
        streamctl log dump $(ls *.snapshot | tail -1) --json | head -1`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      const [batch = '', record = '', time = '', epochs = '', producer = ''] = run.stdout.toString().trim().split('\n');
      const facts = JSON.parse(batch);
      assert.deepEqual([facts.kind, facts.position, facts.baseOffset, facts.codec], ['log.batch', 0, 0, 'none']);
      assert.equal(facts.valid, true);
      const { key, payload, offset } = JSON.parse(record);
      assert.deepEqual([key, payload, offset], ['k', '\x1b[2J', 302_000]);
      assert.ok(!record.includes('\x1b'));
      assert.match(time, /^timestamp: \d+ offset: \d+$/);
      assert.equal(epochs, 'epoch: 0 startOffset: 0');
      assert.equal(JSON.parse(producer).kind, 'log.entry');
    }));

  it('stats count records, codecs and gaps of each partition', () =>
    withShell(async (shell) => {
      const run = await shell(`${FILL}
        streamctl log stats --json --deep`);
      const [stats] = JSON.parse(run.stdout.toString()).items;
      assert.deepEqual(
        [stats.topic, stats.partition, stats.records, stats.gaps, stats.firstOffset, stats.endOffset, stats.producers],
        ['t', 0, 302_001, 0, 0, 302_001, 3],
      );
      assert.equal(stats.codecs.gzip, 1);
      assert.ok(stats.segments > 1 && stats.ratio > 0);
    }));

  it('index-rebuild makes what is missing or wrong anew, leaves the rest, and verify is content again', () =>
    withShell(async (shell) => {
      const run = await shell(`${FILL}
        cp 00000000000000000000.timeindex before
        printf x | dd of=00000000000000000000.timeindex bs=1 seek=3 conv=notrunc status=none
        rm $(ls *.index | tail -1)
        mv before $DIR/..
        streamctl log verify -q > /dev/null || echo "status $?"
        streamctl log index-rebuild | wc -l
        cmp $DIR/../before 00000000000000000000.timeindex
        streamctl log index-rebuild
        streamctl log verify -q
        streamctl consume t -o beginning -e -q | wc -l`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      assert.deepEqual(run.stdout.toString().split(/\s+/).filter(Boolean), ['status', '9', '2', '302001']);
    }));

  it('index-rebuild is refused while a broker is at work there', () =>
    withShell(async (shell) => {
      const run = await shell(`${FILL}
        streamctl serve -q --listen 127.0.0.1:0 --ready-fd 3 3> $DIR/../ready &
        until [ -s $DIR/../ready ]; do sleep 0.05; done
        set +e
        streamctl log index-rebuild
        echo "status $?"
        streamctl log verify
        echo "status $?"
        kill $!; wait $!`);
      assert.deepEqual(
        run.stdout
          .toString()
          .trim()
          .split('\n')
          .filter((line) => line.startsWith('status')),
        ['status 8', 'status 0'],
      );
      assert.match(run.stderr, /a broker is at work/);
    }));

  it('stats and index-rebuild refuse what is no segment; stats tells bytes that are no batch', () =>
    withShell(async (shell) => {
      const run = await shell(`${FILL}
        set +e
        for command in stats index-rebuild; do
          for path in leader-epoch-checkpoint /dev/null; do streamctl log $command $path 2> /dev/null; echo "status $?"; done
        done
        printf 'no batch' > 00000000000000000000.log
        streamctl log stats 00000000000000000000.log > /dev/null
        echo "status $?"
        rm 00000000000000000000.log; mkfifo 00000000000000000000.log
        streamctl log dump . > /dev/null
        echo "status $?"`);
      assert.deepEqual(run.stdout.toString().trim().split('\n'), [
        'status 2',
        'status 2',
        'status 2',
        'status 2',
        'status 3',
        'status 9',
      ]);
      assert.match(run.stderr, /begins at byte 0 is no batch/);
      assert.match(run.stderr, /t-0\/00000000000000000000.log is no regular file/);
    }));
});
