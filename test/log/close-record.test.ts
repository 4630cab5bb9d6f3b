import assert from 'node:assert/strict';
import { crc32c } from '../../src/kernel/crc32c.ts';
import {
  type ClosedPartition,
  formatCloseRecord,
  formatCloseRecordLine,
  hexCrc,
  parseCloseRecord,
  parseCloseRecordLine,
  UnknownFormatError,
} from '../../src/log/close-record.ts';
import { ProducerTable } from '../../src/log/producer-table.ts';

const CLOSED: ClosedPartition = {
  topicId: 'AQIDBAUGBwgJCgsMDQ4PEA',
  logStartOffset: 0,
  endOffset: 120,
  segments: [
    {
      baseOffset: 0,
      logBytes: 900,
      indexEntries: 2,
      timeIndexEntries: 1,
      largestTimestamp: '7',
      heads: '00000001',
      index: null,
      timeIndex: 'ffffffff',
    },
  ],
  active: {
    createdMs: 5,
    firstTimestamp: null,
    largestTimestamp: '9223372036854775807',
    largestTimestampOffset: 119,
    lastIndexedTimestamp: '-1',
    bytesSinceIndexEntry: 17,
  },
  producers: ProducerTable.of([
    {
      producerId: 9_223_372_036_854_775_807n,
      epoch: 32767,
      coordinatorEpoch: -1,
      lastTimestamp: 3n,
      seenMs: 1_767_225_600_000,
      transactionFirstOffset: -1,
      batches: [1, 2, 3, 4, 5].map((lastSequence) => ({
        lastSequence,
        lastOffset: 9_007_199_254_740_991,
        offsetDelta: 0,
        timestamp: 3n,
      })),
    },
  ]),
};

describe('log: close record', () => {
  const line = formatCloseRecordLine('t-0', CLOSED);
  const linesByName = new Map([
    ['t-0', line],
    ['u-1', 'u-1 carried over'],
  ]);
  const files = new Map([['meta.properties', 'deadbeef']]);
  const file = formatCloseRecord({ linesByName, files, totalBytes: 4711 });

  it('reads what it writes', () => {
    const { producers, ...facts } = parseCloseRecordLine(line) ?? {};
    const { producers: wanted, ...wantedFacts } = CLOSED;
    assert.deepEqual(facts, wantedFacts);
    assert.deepEqual(producers?.all(), wanted.all());
    assert.deepEqual(parseCloseRecord(file), { linesByName, files, totalBytes: 4711 });
    const nothing = { linesByName: new Map(), files: undefined, totalBytes: undefined };
    assert.deepEqual(parseCloseRecord(formatCloseRecord(nothing)), nothing);
  });

  it('reads what part 1 wrote', () => {
    const body = `${line}\n`;
    const old = Buffer.from(`streamctl-close-record 1 1 ${hexCrc(crc32c(Buffer.from(body)))}\n${body}`);
    const record = { linesByName: new Map([['t-0', line]]), files: undefined, totalBytes: undefined };
    assert.deepEqual(parseCloseRecord(old), record);
  });

  it('any flipped bit counts as no record, or is refused as another version', () => {
    for (let bit = 0; bit < file.length * 8; bit++) {
      const broken = Buffer.from(file);
      broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        assert.equal(parseCloseRecord(broken), undefined, `bit ${bit}`);
      } catch (error) {
        assert.ok(error instanceof UnknownFormatError, `bit ${bit}: ${String(error)}`);
      }
    }
  });

  it('any shorter file counts as no record', () => {
    for (let length = 0; length < file.length; length++) {
      const cut = file.subarray(0, length);
      try {
        assert.equal(parseCloseRecord(cut), undefined, `${length} bytes`);
      } catch (error) {
        assert.ok(error instanceof UnknownFormatError);
      }
    }
    assert.equal(parseCloseRecord(Buffer.alloc(4096)), undefined);
  });

  it('a later version is refused', () => {
    assert.throws(() => parseCloseRecord(Buffer.from('streamctl-close-record 3 0 00000000\n')), UnknownFormatError);
  });

  it('what is no version at all is damage, and does not refuse the directory', () => {
    for (const version of ['2.', '2!2', '-record', '\xb2', '', '02', '0', '-3', '3x', '99999']) {
      const text = `streamctl-close-record ${version} 0 00000000\n`;
      assert.equal(parseCloseRecord(Buffer.from(text, 'latin1')), undefined, version);
    }
  });

  it('a line that is none counts as none', () => {
    for (const text of ['', 't-0', 't-0 {} ', 't-0 [] ', 't-0 { ', `${line.slice(0, -8)}`]) {
      assert.equal(parseCloseRecordLine(text), undefined);
    }
  });

  it('a line counts as none whose JSON names twice, names what objects inherit, loses digits, or holds other types', () => {
    const [name, json = '', producers] = line.split(' ');
    const changes: readonly [string, string][] = [
      ['"endOffset":120', '"endOffset":120,"endOffset":7'],
      ['"endOffset":120', '"endOffset":120,"__proto__":{}'],
      ['"endOffset":120', '"endOffset":120,"constructor":{}'],
      ['"endOffset":120', '"endOffset":9007199254740993'],
      ['"endOffset":120', '"endOffset":"120"'],
      ['"createdMs":5', '"createdMs":null'],
      ['"largestTimestamp":"9223372036854775807"', '"largestTimestamp":"soon"'],
    ];
    for (const [from, to] of changes) {
      assert.ok(json.includes(from), from);
      assert.equal(parseCloseRecordLine(`${name} ${json.replace(from, to)} ${producers}`), undefined, to);
    }
  });

  it('a line about files that is none counts as none', () => {
    for (const text of ['{"files":null}', '{"files":{"__proto__":"deadbeef"}}', '{"files":{"a":7}}', '[', '']) {
      const changed = formatCloseRecord({
        linesByName: new Map([['.', `. ${text}`]]),
        files: undefined,
        totalBytes: undefined,
      });
      assert.equal(parseCloseRecord(changed)?.files, undefined, text);
    }
  });
});
