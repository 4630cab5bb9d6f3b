import assert from 'node:assert/strict';
import { join } from 'node:path';
import { startServe, streamctl, withFolder } from '../helpers/streamctl.ts';
import { faultsFoundByKafka } from './dump-log.ts';
import { kafkaJars } from './kafka-jars.ts';
import { kcat, run } from './peers.ts';
import { need, sequence, withServed } from './suite.ts';

const LINES = 200_000;

describe('kcat (librdkafka)', () => {
  before(function () {
    need(this, () => {
      kcat();
      kafkaJars();
    });
  });

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    it(`produces with ${codec}, idempotent, and our consumer gives the same bytes back`, () =>
      withServed(async (serving) => {
        const input = sequence(LINES);
        const created = await streamctl(['topics', 'create', 't', '-b', serving.bootstrap]);
        assert.equal(created.status, 0, created.stderr);
        const produced = await run(
          kcat(),
          ['-P', '-b', serving.bootstrap, '-t', 't', '-z', codec, '-X', 'enable.idempotence=true'],
          input,
        );
        assert.equal(produced.status, 0, produced.stderr);
        const consumed = await streamctl(['consume', 't', '-e', '-b', serving.bootstrap]);
        assert.equal(consumed.status, 0, consumed.stderr);
        assert.ok(consumed.stdout.equals(input), 'the same bytes');
      }));
  }

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    it(`consumes what our producer wrote with ${codec}, checksums checked`, () =>
      withServed(async (serving) => {
        const input = sequence(LINES);
        const compression = codec === 'none' ? [] : ['-z', codec];
        const produced = await streamctl(['produce', 't', '--create', '-b', serving.bootstrap, ...compression], {
          input,
        });
        assert.equal(produced.status, 0, produced.stderr);
        const consumed = await run(kcat(), [
          ...['-C', '-b', serving.bootstrap, '-t', 't', '-o', 'beginning', '-e', '-q', '-X', 'check.crcs=true'],
        ]);
        assert.equal(consumed.status, 0, consumed.stderr);
        assert.ok(consumed.stdout.equals(input), 'the same bytes');
      }));
  }

  it('lists metadata, finds offsets by time and creates topics by producing', () =>
    withServed(async (serving) => {
      const produced = await run(kcat(), ['-P', '-b', serving.bootstrap, '-t', 'made', '-K', ':'], 'a:1\nb:2\n');
      assert.equal(produced.status, 0, produced.stderr);
      const listed = await run(kcat(), ['-L', '-b', serving.bootstrap, '-t', 'made']);
      assert.match(listed.stdout.toString(), /topic "made" with 1 partitions/);
      const asked = await run(kcat(), ['-Q', '-b', serving.bootstrap, '-t', 'made:0:0']);
      assert.match(asked.stdout.toString(), /made \[0\] offset 0/);
      const keyed = await run(kcat(), ['-C', '-b', serving.bootstrap, '-t', 'made', '-e', '-q', '-f', '%k=%s\n']);
      assert.equal(keyed.stdout.toString(), 'a=1\nb=2\n');
    }));

  it('finds everything after kill -9 and a restart, and the log is whole', () =>
    withFolder(async (folder) => {
      const directory = join(folder, 'data');
      const first = await startServe(directory);
      const input = sequence(LINES);
      const produced = await run(kcat(), ['-P', '-b', first.bootstrap, '-t', 't', '-X', 'acks=all'], input);
      assert.equal(produced.status, 0, produced.stderr);
      await first.kill();
      const second = await startServe(directory);
      const consumed = await run(kcat(), ['-C', '-b', second.bootstrap, '-t', 't', '-o', 'beginning', '-e', '-q']);
      assert.ok(consumed.stdout.equals(input), 'every acked record');
      assert.equal(await second.stop(), 0);
      assert.deepEqual(await faultsFoundByKafka(join(directory, 'brokers', '1', 'log')), []);
    }));
});
