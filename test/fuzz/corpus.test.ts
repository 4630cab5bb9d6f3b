/** What once broke a broker, or came near it, is tried again with every run of the tests. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { DEFAULT_LOG_CONFIG } from '../../src/log/log-config.ts';
import { prepareAppend } from '../../src/log/prepare-append.ts';
import { codecAvailable, codecOf } from '../../src/protocol/records/compression.ts';
import { batchWith } from '../broker/bad-input/raw-batch.ts';
import { inWorld } from '../cluster/in-world.ts';
import { isError } from '../log/log-in-world.ts';
import type { OutcomeKind } from './changed-directory.ts';
import type { Subject } from './changed-files.ts';

interface FileChange {
  readonly name: string;
  /** One of directories.ts; by default the plain one. */
  readonly directory?: string;
  /** The end of its path, a regular expression; the last such file. */
  readonly file: string;
  readonly at?: number;
  /** Hexadecimal: in place of what is there, or before it. */
  readonly put?: string;
  readonly insert?: string;
  readonly cut?: number;
  readonly find?: string;
  readonly replace?: string;
  /** What has to come of it; by default anything that may be. */
  readonly expected?: OutcomeKind;
}

interface BatchOfCorpus {
  readonly name: string;
  readonly expected: Parameters<typeof isError>[0];
  readonly gzipZeros?: number;
  readonly codec?: number;
  readonly section?: string;
}

function corpus<T>(name: string): readonly T[] {
  return JSON.parse(readFileSync(new URL(`corpus/${name}.json`, import.meta.url), 'utf8'));
}

function changed(bytes: Buffer, { at = 0, put = '', insert = '', cut = 0, find, replace = '' }: FileChange): Buffer {
  if (find !== undefined) {
    const text = bytes.toString('latin1');
    assert.ok(text.includes(find), `${find} is not there`);
    return Buffer.from(text.replace(find, replace), 'latin1');
  }
  const start = Math.min(at, bytes.length);
  const rest = bytes.subarray(start + put.length / 2 + cut);
  return Buffer.concat([bytes.subarray(0, start), Buffer.from(put + insert, 'hex'), rest]);
}

describe('fuzz: what once broke', () => {
  // By import(), as the broker loads its coordinator: else there would be two of each module.
  let files: typeof import('./changed-files.ts');
  let subjects: readonly Subject[];
  before(async function () {
    this.timeout(60_000);
    files = await import('./changed-files.ts');
    subjects = await files.allSubjects();
  });

  for (const change of corpus<FileChange>('files')) {
    for (const by of ['embedded', 'tcp'] as const) {
      it(`a directory with ${change.name}, read ${by}: nothing is served that was not written, and it is found`, async () => {
        const subject = subjects.find(({ name }) => name === (change.directory ?? 'plain'));
        const end = new RegExp(`/${change.file}$`);
        const path = [...(subject?.tree.keys() ?? [])].filter((each) => end.test(each)).at(-1);
        assert.ok(subject !== undefined && path !== undefined, `there is no ${change.file}`);
        const before = subject.tree.get(path) ?? Buffer.alloc(0);
        const { outcome, failure } = await files.tryChange(subject, path, changed(before, change), 1, by);
        assert.equal(failure, undefined);
        assert.equal(outcome.kind, change.expected ?? outcome.kind);
      });
    }
  }

  for (const { name, expected, gzipZeros, codec = 1, section = '' } of corpus<BatchOfCorpus>('batches')) {
    const known = codecOf(codec);
    if (known === undefined || !codecAvailable(known)) continue;
    it(`a batch of ${name}: ${expected}`, () =>
      inWorld(1, async (env) => {
        const records = gzipZeros === undefined ? Buffer.from(section, 'hex') : gzipSync(Buffer.alloc(gzipZeros));
        const bytes = batchWith(records, { recordCount: 1, attributes: codec });
        const request = { records: [bytes], origin: 'client', leaderEpoch: 0, apiVersion: 9 } as const;
        await assert.rejects(async () => await prepareAppend(env, request, DEFAULT_LOG_CONFIG), isError(expected));
      }));
  }
});
