import assert from 'node:assert/strict';
import { CliError } from '../../src/cli/cli-error.ts';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { Host } from '../../src/cli/host.ts';
import { offsetLine, readOffsetLines } from '../../src/cli/offsets-lines.ts';

function hostWith(text: string): Host {
  let bytes = Buffer.from(text);
  const input = {
    name: 'f',
    // A few bytes at a time, so that letters are cut in two.
    read: async (target: Uint8Array) => {
      const part = bytes.subarray(0, 5);
      bytes = bytes.subarray(5);
      target.set(part);
      return part.length;
    },
    close: async () => undefined,
  };
  return { openInput: async () => input } as unknown as Host;
}

describe('cli: offsets-lines', () => {
  it('reads what it wrote, whatever stands in names', async () => {
    const offset = { topic: 't', partition: 3, offset: 2 ** 40, leaderEpoch: 7, metadata: '"\n世界\u001b' };
    const line = offsetLine('Grüße', offset);
    assert.ok(!line.includes('\n') && !line.includes('\u001b'), line);
    assert.deepEqual(await readOffsetLines(hostWith(`${line}\r\n\n`), 'f'), [{ group: 'Grüße', ...offset }]);
  });

  it('reads what kafka-consumer-groups exports, of one group and of many', async () => {
    const found = await readOffsetLines(hostWith('"g",t,0,5\n"a ""b""",t,0,6\n"t",1,7'), 'f');
    assert.deepEqual(
      found.map(({ group, topic, partition, offset }) => [group, topic, partition, offset]),
      [
        ['g', 't', 0, 5],
        ['a "b"', 't', 0, 6],
        [undefined, 't', 1, 7],
      ],
    );
  });

  for (const text of [
    '{',
    '[]',
    '{"topic":"t","partition":0}',
    '{"topic":"","partition":0,"offset":1}',
    '{"topic":"t","partition":-1,"offset":1}',
    '{"topic":"t","partition":0,"offset":1.5}',
    '{"topic":"t","partition":0,"offset":9007199254740992}',
    '{"topic":"t","partition":0,"offset":1,"metadata":3}',
    '{"group":"","topic":"t","partition":0,"offset":1}',
    '{"group":"\\ud800","topic":"t","partition":0,"offset":1}',
    `{"group":"${'g'.repeat(32_768)}","topic":"t","partition":0,"offset":1}`,
    `{"topic":"${'t'.repeat(32_768)}","partition":0,"offset":1}`,
    '{"topic":"t","partition":2147483648,"offset":1}',
    '{"topic":"t","partition":0,"offset":1,"leaderEpoch":2147483648}',
    '{"topic":"t","partition":0,"offset":1,"leaderEpoch":"1"}',
    `{"topic":"t","partition":0,"offset":1,"metadata":"${'m'.repeat(32_768)}"}`,
    't,2147483648,1',
    't,0',
    't,0,99999999999999999999',
    't,0,1\nt,0,2',
  ]) {
    it(`refuses ${text.slice(0, 80)}`, async () => {
      await assert.rejects(readOffsetLines(hostWith(text), 'f'), (error) => {
        return error instanceof CliError && error.exitCode === EXIT.data;
      });
    });
  }
});
