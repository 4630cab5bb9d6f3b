/** The commands on groups and offsets, on a directory without a server. */
import assert from 'node:assert/strict';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { type Shell, withShell } from './shell.ts';

const TOPIC = `
  set -e
  streamctl topics create t -q --partitions 2
  seq 100 | streamctl produce t -q -p 0
  seq 10 | streamctl produce t -q -p 1`;

interface Change {
  readonly partition: number;
  readonly from: number | null;
  readonly to: number | null;
  readonly done: boolean;
}

async function itemsOf<Item>(shell: Shell, command: string, status: number = EXIT.ok): Promise<Item[]> {
  const run = await shell(`streamctl ${command} --json`);
  assert.equal(run.status, status, `${command}: ${run.stderr}`);
  return JSON.parse(run.stdout.toString()).items;
}

async function made(shell: Shell): Promise<void> {
  const run = await shell(`${TOPIC}\n  streamctl groups create g -t t --to 5 -q`);
  assert.equal(run.status, EXIT.ok, run.stderr);
}

describe('e2e: groups commands', function () {
  this.timeout(180_000);

  it('a group is made, listed, described, copied and deleted', () =>
    withShell(async (shell) => {
      await made(shell);
      const run = await shell(`
        set -e
        streamctl groups list
        streamctl groups describe g
        streamctl groups members g
        streamctl groups clone g copy -t t:1
        streamctl groups delete g copy --yes
        streamctl groups list`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      assert.deepEqual(run.stdout.toString().split('\n'), [
        'GROUP  TYPE     STATE  PROTOCOL',
        'g      classic  Empty  -',
        'g  classic, Empty, 0 member(s)',
        'GROUP  TOPIC  PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG  CONSUMER-ID  HOST  CLIENT-ID',
        'g      t      0          5               100             95   -            -     -',
        'g      t      1          5               10              5    -            -     -',
        'g  classic, Empty, 0 member(s)',
        'GROUP  TOPIC  PARTITION  CURRENT-OFFSET  NEW-OFFSET',
        'copy   t      1          -               5',
        'GROUP  OFFSETS  RESULT',
        'g      2        deleted',
        'copy   1        deleted',
        'GROUP  TYPE  STATE  PROTOCOL',
        '',
      ]);
    }));

  it('reset shows where each goal is, and moves nothing without --execute', () =>
    withShell(async (shell) => {
      await made(shell);
      for (const [goal, first, second] of [
        ['--to earliest', 0, 0],
        ['--to latest', 100, 10],
        ['--to current', 5, 5],
        ['--to 7', 7, 7],
        ['--to 50', 50, 10],
        ['--to +3', 3, 3],
        ['--to -4', 96, 6],
        ['--to @2h', 0, 0],
        ['--to @now', 100, 10],
        ['--by 3', 8, 8],
        ['--by -9', 0, 0],
        ['--by 2h', 0, 0],
      ] as const) {
        const changes = await itemsOf<Change>(shell, `groups reset g ${goal}`);
        assert.deepEqual(
          changes.map(({ from, to, done }) => [from, to, done]),
          [
            [5, first, false],
            [5, second, false],
          ],
          goal,
        );
      }
      const moved = await itemsOf<Change>(shell, 'groups reset g --by 2 -t t:1 --execute');
      assert.deepEqual(
        moved.map(({ partition, to, done }) => [partition, to, done]),
        [[1, 7, true]],
      );
      const now = await itemsOf<Change>(shell, 'groups reset new --to group:g');
      assert.deepEqual(
        now.map(({ to }) => to),
        [5, 7],
      );
    }));

  it('offsets go out and come back as lines; a copy by another name, too', () =>
    withShell(async (shell) => {
      await made(shell);
      const run = await shell(`
        set -e
        streamctl offsets export > all
        streamctl offsets set g t:0=33 --yes > told
        streamctl offsets get g -t t:0
        streamctl offsets import all --yes > told
        streamctl offsets export | diff all -
        sed 's/"g"/"other"/' all | streamctl offsets import - > told
        streamctl groups reset g --to file:all --execute > told
        printf '"t",0,9\\nt,1,8\\n' | streamctl offsets import - --for-group kafka > told
        streamctl offsets delete other -t t:1 --yes > told
        streamctl offsets get other
        streamctl offsets get kafka
        streamctl offsets get -t t --at -1`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      const line = (group: string, partition: number, offset: number): string =>
        `{"group":"${group}","topic":"t","partition":${partition},"offset":${offset},"leaderEpoch":-1,"metadata":""}`;
      assert.deepEqual(run.stdout.toString().trimEnd().split('\n'), [
        line('g', 0, 33),
        line('other', 0, 5),
        line('kafka', 0, 9),
        line('kafka', 1, 8),
        '{"topic":"t","partition":0,"offset":99}',
        '{"topic":"t","partition":1,"offset":9}',
      ]);
    }));

  it('peek prints what comes next and commits nothing; lag says how much and how old', () =>
    withShell(async (shell) => {
      await made(shell);
      const run = await shell(`
        set -e
        streamctl groups peek g -c 2 -f '%p:%o=%s\\n'
        streamctl groups peek g -c 1 -t t:1
        streamctl groups wait g --until-lag 100
        streamctl consume t -q -g g -e > /dev/null
        streamctl groups peek g
        streamctl groups wait g --max-time 10s
        streamctl groups watch g -c 2 --interval 1ms --json | wc -l`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      assert.deepEqual(
        run.stdout
          .toString()
          .trimEnd()
          .split('\n')
          .map((text) => text.trim()),
        [
          '0:5=6',
          '0:6=7',
          '1:5=6',
          '1:6=7',
          '6',
          'GROUP  STATE  MEMBERS  LAG',
          'g      Empty  0        100',
          'GROUP  STATE  MEMBERS  LAG',
          'g      Empty  0        0',
          '2',
        ],
      );
      await shell('echo one | streamctl produce t -q -p 1');
      const [lag] = await itemsOf<{ lag: number; lagMs: number }>(shell, 'groups lag g');
      assert.equal(lag?.lag, 1);
      assert.ok(lag.lagMs > 0 && lag.lagMs < 120_000, `${lag.lagMs} ms`);
    }));

  it('what cannot be is refused with the status of its kind', () =>
    withShell(async (shell) => {
      await made(shell);
      for (const [command, status] of [
        ['groups describe absent', EXIT.notFound],
        ['groups describe g absent', EXIT.partial],
        ['groups members absent', EXIT.notFound],
        ['groups lag absent', EXIT.notFound],
        ['groups wait absent', EXIT.notFound],
        ['groups wait g --max-time 1ms', EXIT.timeUp],
        ['groups watch absent', EXIT.notFound],
        ['groups peek absent', EXIT.notFound],
        ["groups describe ''", EXIT.usage],
        ['groups describe $(printf %040000d 0)', EXIT.usage],
        ['groups create g -t t', EXIT.conflict],
        ['groups create n', EXIT.usage],
        ['groups create n -t absent', EXIT.notFound],
        ['groups create n -t t:2', EXIT.notFound],
        ['groups clone absent n', EXIT.notFound],
        ['groups clone g g', EXIT.usage],
        ['groups reset absent --to earliest', EXIT.notFound],
        ['groups reset g --to group:absent', EXIT.notFound],
        ['groups reset g --to file:absent', EXIT.notFound],
        ['groups reset g', EXIT.usage],
        ['groups reset g --to soon', EXIT.usage],
        ['groups reset g --by soon', EXIT.usage],
        ['groups reset g --to 1 -t t:x', EXIT.usage],
        ['groups delete absent', EXIT.notFound],
        ['groups delete absent --if-exists', EXIT.ok],
        ['groups delete g', EXIT.usage],
        ['offsets get absent', EXIT.notFound],
        ['offsets get', EXIT.usage],
        ['offsets set g t:0=1', EXIT.usage],
        ['offsets set g t:0', EXIT.usage],
        ['offsets set g absent:0=1', EXIT.notFound],
        ['offsets set g $(printf %040000d 0):0=1', EXIT.notFound],
        ['offsets set g t:2147483648=1', EXIT.notFound],
        ['groups reset g --to file:-', EXIT.notFound],
        ['groups lag absent -t $(printf %040000d 0)', EXIT.notFound],
        ['offsets set g t:0=5 absent:0=1', EXIT.partial],
        ['offsets delete g', EXIT.usage],
        ['offsets delete g -t absent --yes', EXIT.notFound],
        ['offsets import absent', EXIT.notFound],
        ['offsets import .', EXIT.usage],
        ['groups reset g --to file:.', EXIT.usage],
        ['produce t .', EXIT.usage],
      ] as const) {
        const run = await shell(`streamctl ${command}`);
        assert.equal(run.status, status, `${command}: ${run.stderr}`);
        const isNothingDone = status !== EXIT.ok && status !== EXIT.partial && status !== EXIT.timeUp;
        if (isNothingDone) assert.equal(run.stdout.toString(), '', command);
      }
      for (const line of ['{', '[1]', '{"topic":"t"}', '{"topic":"t","partition":0,"offset":-1}', 'a,b,c']) {
        const run = await shell('streamctl offsets import - --for-group n', line);
        assert.equal(run.status, EXIT.data, `${line}: ${run.stderr}`);
      }
    }));

  it('who looks for a group that is not there leaves no topic of offsets behind', () =>
    withShell(async (shell) => {
      const run = await shell(`
        streamctl topics create t -q
        streamctl groups list
        for command in 'groups describe' 'groups members' 'groups lag' 'groups wait' 'groups watch' 'groups peek' \\
          'groups delete -y' 'groups reset --to earliest -t t' 'groups create --dry-run -t t' 'groups clone other' \\
          'offsets get' 'offsets export' 'offsets delete -t t -y' 'check lag'; do
          streamctl $command nope > told
          echo $?
        done
        echo 'nope,t,0,1' | streamctl offsets import - --dry-run > told
        ls dir/brokers/1/log
        cat dir/cluster/log/* dir/cluster/snapshot* | grep -c __consumer_offsets`);
      const lines = run.stdout.toString().trimEnd().split('\n');
      assert.deepEqual(lines.slice(1, 15).join(' '), '5 5 5 5 5 5 5 0 0 5 5 5 5 3', run.stderr);
      assert.equal(lines.at(-1), '0', run.stdout.toString());
    }));

  it('many offsets outside the logs are told in a few lines', () =>
    withShell(async (shell) => {
      await made(shell);
      const run = await shell(`
        for partition in $(seq 0 99); do echo "t,$partition,1000"; done > all
        for group in $(seq 1 100); do echo "g$group,t,0,1000"; done > groups
        streamctl offsets import all --for-group n; echo $?
        streamctl offsets import groups > told || exit`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      assert.match(run.stdout.toString(), /^n {6}t {6}1 .*\n3\n$/m);
      const texts = run.stderr.trimEnd().split('\n');
      assert.equal(texts.filter((text) => text.includes('is not in the log')).length, 2 + 20);
      assert.equal(texts.filter((text) => text.includes('there is no topic')).length, 20);
      assert.deepEqual(
        texts.filter((text) => text.includes('more like this')),
        ['streamctl: and 78 more like this', 'streamctl: and 80 more like this'],
      );
    }));

  it('lag has a time also where the first batches are large, packed or begun', () =>
    withShell(async (shell) => {
      const run = await shell(`
        set -e
        streamctl topics create big --partitions 4 -q
        for partition in 0 1 2 3; do
          codec=none; [ $partition = 2 ] && codec=gzip
          head -c 200000 /dev/urandom | base64 -w 60000 | streamctl produce big -q -p $partition -z $codec
        done
        streamctl groups create g -t big --to 2 > /dev/null`);
      assert.equal(run.status, EXIT.ok, run.stderr);
      const [lag] = await itemsOf<{ partitions: { lag: number; lagMs: number | null }[] }>(shell, 'groups lag g');
      assert.deepEqual(
        lag?.partitions.map((partition) => [partition.lag, (partition.lagMs ?? 0) > 0]),
        [
          [3, true],
          [3, true],
          [3, true],
          [3, true],
        ],
      );
    }));

  it('a check that cannot be made is UNKNOWN in every form', () =>
    withShell(async (shell) => {
      await made(shell);
      for (const command of ['absent', '--warn soon', '--wran 3', "''", 'g absent --crit 1000', '--timeout x']) {
        const run = await shell(`streamctl check lag ${command}`);
        assert.equal(run.status, 3, `${command}: ${run.stdout}`);
        assert.match(run.stdout.toString(), /^LAG UNKNOWN - /, command);
      }
      const json = await shell('streamctl check lag absent -F json');
      assert.equal(JSON.parse(json.stdout.toString()).status, 'unknown');
      const unreadable = await shell('streamctl check lag --warn soon -F json');
      assert.equal(JSON.parse(unreadable.stdout.toString()).errors[0].exitCode, EXIT.usage);
      const unparsable = await shell('streamctl check lag --wran 3 --json');
      assert.equal(unparsable.status, 3);
      assert.equal(JSON.parse(unparsable.stdout.toString()).errors[0].exitCode, EXIT.usage);
      const full = await shell('streamctl check lag g > /dev/full');
      assert.equal(full.status, 3, full.stderr);
      assert.match(full.stderr, /^streamctl check lag: [^\n]*\n$/);
      const over = await shell('streamctl check lag g absent --crit 0');
      assert.equal(over.status, 2, over.stdout.toString());
    }));

  it('names of all kinds, deleted topics, offsets outside the log, of which a check warns: the lag would be 0 for ever', () =>
    withShell(async (shell) => {
      const run = await shell(`
        set -e
        streamctl topics create t -q
        streamctl topics create gone -q
        seq 10 | streamctl produce t -q
        streamctl groups create 'Grüße 世界 | %s' -t t > /dev/null
        streamctl offsets set 'Grüße 世界 | %s' t:0=99 gone:0=3 -y -q > /dev/null
        streamctl topics delete gone -q
        streamctl groups lag 'Grüße 世界 | %s'
        streamctl check lag`);
      assert.equal(run.status, 1, run.stderr);
      const [, row, ...rest] = run.stdout.toString().trimEnd().split('\n');
      assert.match(row ?? '', /^Grüße 世界 \| %s {2}t {6}0 {10}99 {14}10 {14}0 {4}0\.0 {10}beyond-end$/);
      assert.deepEqual(rest, [
        "LAG WARNING - Grüße 世界 / %s: 0 records, 0.0 s behind; what is committed of 1 partition(s) is not in the log | 'Grüße 世界 / %s_lag'=0 'Grüße 世界 / %s_seconds'=0.0s",
      ]);
    }));
});
