import assert from 'node:assert/strict';
import fc from 'fast-check';
import { sealJson, unsealJson } from '../../src/cluster/checked-json.ts';
import { ClusterError, type ClusterErrorKind } from '../../src/cluster/cluster-error.ts';
import { decodeEntry, encodeEntry } from '../../src/cluster/entries.ts';
import {
  entryFile,
  entryNumber,
  isTemporaryName,
  snapshotFile,
  snapshotNumber,
  socketEpoch,
  temporaryFile,
} from '../../src/cluster/layout.ts';
import { applyEntry } from '../../src/cluster/replay.ts';
import { decodeSnapshot, encodeSnapshot } from '../../src/cluster/snapshot.ts';
import { crc32c } from '../../src/kernel/crc32c.ts';
import { controllerHead, imageWithTopic, registeredImage, registration } from './images.ts';

function kindOf(action: () => unknown): ClusterErrorKind | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ClusterError, String(error));
    return error.kind;
  }
}

describe('cluster: files', () => {
  it('an entry comes back as it was written', () => {
    const entry = registration(registeredImage(), { endpoints: [{ name: 'PLAINTEXT', host: 'ü', port: 9092 }] });
    assert.deepEqual(decodeEntry('x', encodeEntry(entry)), entry);
  });

  it('the file is one line with the checksum of the text inside', () => {
    assert.equal(
      sealJson('entry', { v: 1, a: 'b' }).toString(),
      `{"crc":"${sealJson('entry', { v: 1, a: 'b' }).toString().slice(8, 16)}","entry":{"v":1,"a":"b"}}\n`,
    );
  });

  it('a file in which any byte changed, or that was cut, is damaged', () => {
    const sealed = encodeEntry(registration(registeredImage()));
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
        assert.equal(
          kindOf(() => decodeEntry('x', changed)),
          'damaged',
        );
        assert.equal(
          kindOf(() => decodeEntry('x', sealed.subarray(0, at))),
          'damaged',
        );
      }),
    );
    assert.equal(
      kindOf(() => decodeEntry('x', Buffer.alloc(sealed.length))),
      'damaged',
    );
  });

  it('another version, and an entry of another type, needs a newer streamctl', () => {
    assert.equal(
      kindOf(() => unsealJson('cluster', 'x', sealJson('cluster', { v: 2 }))),
      'format',
    );
    const head = { v: 1, uuid: 'u', brokerId: 1, brokerEpoch: 1 };
    assert.equal(
      kindOf(() => decodeEntry('x', sealJson('entry', { ...head, type: 'isr-changed' }))),
      'format',
    );
    assert.equal(
      kindOf(() => decodeEntry('x', sealJson('entry', { ...head, type: 'toString' }))),
      'format',
    );
    assert.equal(
      kindOf(() => decodeEntry('x', sealJson('entry', { ...head, type: 'topic-deleted' }))),
      'damaged',
    );
  });

  it('what the checksum holds for and is no JSON of ours is damaged', () => {
    const texts = ['{"v":1', '{"v":1,"v":1}', '{"v":1,"__proto__":{}}', '{"v":1,"n":9007199254740993}', '7', 'null'];
    for (const text of [...texts, '['.repeat(1 << 20)]) {
      const crc = crc32c(Buffer.from(text)).toString(16).padStart(8, '0');
      const sealed = Buffer.from(`{"crc":"${crc}","entry":${text}}\n`);
      assert.equal(
        kindOf(() => unsealJson('entry', 'x', sealed)),
        'damaged',
        text.slice(0, 40),
      );
    }
  });

  it('a snapshot comes back as the image it was made of', () => {
    for (const image of [registeredImage(), imageWithTopic()]) {
      assert.deepEqual(decodeSnapshot('x', encodeSnapshot(image)), image);
    }
    const image = imageWithTopic();
    const deleted = applyEntry(image, { ...controllerHead(image), type: 'topic-deleted', topicId: 'id-of-t' });
    assert.deepEqual(decodeSnapshot('x', encodeSnapshot(deleted)), deleted);
  });

  it('a snapshot of an earlier streamctl, without the ids of deleted topics, is read', () => {
    const { deletedTopicIds: ids, ...fields } = JSON.parse(encodeSnapshot(imageWithTopic()).toString()).snapshot;
    assert.deepEqual(ids, []);
    assert.deepEqual(decodeSnapshot('x', sealJson('snapshot', fields)), imageWithTopic());
  });

  it('numbers and names go both ways', () => {
    assert.equal(entryFile('/d', 42), '/d/cluster/log/00000000000000000042.json');
    assert.equal(entryNumber('00000000000000000042.json'), 42);
    assert.equal(entryNumber('42.json'), undefined);
    assert.equal(snapshotFile('/d', 100), '/d/cluster/snapshot-100.json');
    assert.equal(snapshotNumber('snapshot-100.json'), 100);
    assert.equal(snapshotNumber('snapshot-.json'), undefined);
    assert.equal(socketEpoch('s-7'), 7);
    assert.equal(socketEpoch('s-x'), undefined);
    assert.equal(isTemporaryName(temporaryFile('', 'u').slice(1)), true);
  });
});
