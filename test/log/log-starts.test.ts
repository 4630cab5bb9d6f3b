import assert from 'node:assert/strict';
import { UnknownFormatError } from '../../src/log/close-record.ts';
import { formatLogStarts, LOG_STARTS_FILE, LogStarts, parseLogStarts } from '../../src/log/log-starts.ts';
import { BROKER, contentOf, newMachine, run } from './log-in-world.ts';

const PATH = `${BROKER}/${LOG_STARTS_FILE}`;
const STARTS = new Map([
  ['t-0', { topicId: 'AQIDBAUGBwgJCgsMDQ4PEA', offset: 17 }],
  ['a.b-12', { topicId: 'BQIDBAUGBwgJCgsMDQ4PEA', offset: 9_007_199_254_740_991 }],
]);
const at = (offset: number) => new Map([['t-0', { topicId: 'i', offset }]]);

describe('log: log-starts', () => {
  it('reads what it writes', () => {
    assert.deepEqual(parseLogStarts(formatLogStarts(STARTS)), STARTS);
    assert.equal(formatLogStarts(at(5)).toString(), 'streamctl-log-starts 1 1 1ec429dd\nt-0 i 5\n');
  });

  it('any flipped bit and any cut counts as broken, or is an unknown format', () => {
    const whole = formatLogStarts(STARTS);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const bytes = Buffer.from(whole);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        assert.equal(parseLogStarts(bytes), undefined, `bit ${bit}`);
      } catch (error) {
        assert.ok(error instanceof UnknownFormatError);
      }
    }
    for (let length = 0; length < whole.length; length++) {
      assert.equal(parseLogStarts(whole.subarray(0, length)), undefined);
    }
  });

  it('what is no version at all is broken, a later one refused', () => {
    const withVersion = (version: string): Buffer =>
      Buffer.from(formatLogStarts(STARTS).toString('latin1').replace(' 1 ', ` ${version} `), 'latin1');
    for (const version of ['1.', '-1', '\xff1', '', '01', '0']) {
      assert.equal(parseLogStarts(withVersion(version)), undefined, version);
    }
    assert.throws(() => parseLogStarts(withVersion('2')), UnknownFormatError);
  });

  it('is durable when it says so, never goes back, and knows one topic id a name', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const starts = new LogStarts(env, { run: (file) => file.datasync() }, BROKER);
      await starts.load();
      assert.equal(starts.state, 'absent');
      await starts.set(at(0));
      assert.equal(machine.files.find(PATH), undefined);
      await starts.set(at(8));
      await starts.set(at(5));
      assert.deepEqual([starts.state, starts.get('t-0', 'i'), starts.get('t-0', 'j')], ['whole', 8, undefined]);
    });
    machine.cutPower({ file: ['nothing kept'], folder: ['nothing kept'] });
    await run(machine, async (env) => {
      const starts = new LogStarts(env, { run: (file) => file.datasync() }, BROKER);
      await starts.load();
      assert.deepEqual([starts.state, starts.get('t-0', 'i')], ['whole', 8]);
      starts.forget('t-0');
      await starts.set(new Map([['u-0', { topicId: 'k', offset: 1 }]]));
    });
    assert.deepEqual(
      [...(parseLogStarts(contentOf(machine, PATH)) ?? [])].map(([name]) => name),
      ['u-0'],
    );
  });

  it('a lesser start that is asked for while a greater one is written takes nothing back', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const starts = new LogStarts(env, { run: (file) => file.datasync() }, BROKER);
      const greater = starts.set(at(48));
      // Its write has begun, and its word does not count yet.
      await Promise.resolve();
      await Promise.resolve();
      const lesser = starts.set(at(40));
      const other = starts.set(new Map([['u-0', { topicId: 'k', offset: 3 }]]));
      await Promise.all([greater, lesser, other]);
      assert.deepEqual([starts.get('t-0', 'i'), starts.get('u-0', 'k')], [48, 3]);
    });
    assert.equal(parseLogStarts(contentOf(machine, PATH))?.get('t-0')?.offset, 48);
  });

  it('those who ask at the same time share a write, and one that fails counts for nothing', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      let syncs = 0;
      let fails = false;
      const sync = {
        run: async () => {
          syncs += 1;
          if (fails) throw new Error('no room');
        },
      };
      const starts = new LogStarts(env, sync, BROKER);
      await Promise.all([1, 2, 3, 4, 5].map((offset) => starts.set(at(offset))));
      assert.ok(syncs <= 2, `${syncs} syncs`);
      assert.equal(starts.get('t-0', 'i'), 5);
      fails = true;
      assert.equal(starts.isUnsure, false);
      await assert.rejects(starts.set(at(6)));
      assert.deepEqual([starts.get('t-0', 'i'), starts.isUnsure], [5, true]);
      fails = false;
      await starts.set(at(7));
      assert.deepEqual([starts.get('t-0', 'i'), starts.isUnsure], [7, false]);
    });
  });

  it('a broken file is told and says nothing', async () => {
    const machine = newMachine();
    await run(machine, async (env) => {
      const file = await env.disk.open(PATH, 'w+');
      await file.writev([Buffer.from('streamctl-log-starts 1 1 00000000\nt-0 i 5\n')], 0);
      const starts = new LogStarts(env, { run: (each) => each.datasync() }, BROKER);
      await starts.load();
      assert.deepEqual([starts.state, starts.get('t-0', 'i')], ['broken', undefined]);
    });
  });
});
