import assert from 'node:assert/strict';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { withShell } from './shell.ts';

describe('e2e: topics and cluster', function () {
  this.timeout(120_000);

  it('are made, listed, shown and deleted', () =>
    withShell(async (shell) => {
      const run = await shell(`
        set -e
        streamctl topics create b --partitions 2 --config segment.bytes=1048576
        streamctl topics create a
        streamctl topics create a --if-not-exists
        streamctl topics list
        streamctl topics describe b
        streamctl topics delete a
        streamctl topics delete a --if-exists
        streamctl topics list`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      const text = run.stdout.toString();
      assert.match(text, /^NAME {2}PARTITIONS\na {5}1\nb {5}2\nb {2}id \S{22}, 2 partition\(s\)\n/);
      assert.match(text, /\nsegment\.bytes {2}1048576\n/);
      assert.match(text, /\nNAME {2}PARTITIONS\nb {5}2\n$/);
      assert.equal(
        run.stderr,
        'created b, 2 partition(s)\ncreated a, 1 partition(s)\nthere is already a, 1 partition(s)\ndeleted a\nthere is no topic a\n',
      );
    }));

  it('show how long records stay, and which configs do nothing here', () =>
    withShell(async (shell) => {
      const run = await shell(`
        set -e
        streamctl topics create plain
        streamctl topics create kept --config preallocate=true --config retention.ms=-1
        streamctl topics describe plain kept
        streamctl topics describe kept --json`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      const lines = run.stdout.toString().trimEnd().split('\n');
      assert.ok(lines.includes('retention.ms  604800000'));
      assert.ok(lines.includes('CONFIG        VALUE  EFFECT'));
      assert.ok(lines.includes('preallocate   true   none here'));
      assert.ok(lines.includes('retention.ms  -1     works'));
      const { configs } = JSON.parse(lines.at(-1) ?? '').items[0];
      const preallocate = configs.find(({ name }: { name: string }) => name === 'preallocate');
      assert.deepEqual([preallocate.value, preallocate.effect], ['true', false]);
    }));

  it('give one JSON document each, also when part of it failed', () =>
    withShell(async (shell) => {
      const documentOf = async (command: string, status: number) => {
        const run = await shell(`streamctl ${command} --json`);
        assert.equal(run.status, status, `${command}: ${run.stderr}`);
        const document = JSON.parse(run.stdout.toString());
        assert.deepEqual(Object.keys(document), ['v', 'kind', 'items', 'errors']);
        return document;
      };
      const created = await documentOf('topics create t --partitions 3', EXIT.ok);
      assert.equal(created.items[0].partitions, 3);
      assert.equal((await documentOf('topics create t', EXIT.conflict)).errors[0].exitCode, EXIT.conflict);
      const described = await documentOf('topics describe t absent', EXIT.partial);
      assert.equal(described.items[0].partitions.length, 3);
      assert.deepEqual([described.errors[0].item, described.errors[0].exitCode], ['absent', EXIT.notFound]);
      await documentOf('topics describe absent', EXIT.notFound);
      const cluster = await documentOf('cluster describe', EXIT.ok);
      assert.equal(cluster.items[0].brokers.length, 1);
      assert.deepEqual((await documentOf('topics delete t', EXIT.ok)).items, [{ name: 't', deleted: true }]);
      assert.deepEqual((await documentOf('topics list', EXIT.ok)).items, []);
    }));

  it('configs and names that cannot be are exit status 2 and say why', () =>
    withShell(async (shell) => {
      for (const [command, expected] of [
        ['topics create t --config no.such=1', /no\.such/],
        ['topics create t --config segment.bytes=few', /segment\.bytes/],
        ["topics create 'a b'", /a b/],
      ] as const) {
        const run = await shell(`streamctl ${command}`);
        assert.equal(run.status, EXIT.usage, run.stderr);
        assert.match(run.stderr, expected);
      }
    }));
});
