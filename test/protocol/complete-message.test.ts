import assert from 'node:assert/strict';
import fc from 'fast-check';
import { API_BY_KEY, Produce } from '../../src/protocol/apis/index.ts';
import { decodeRequest, encodeRequest, parseRequestHeader } from '../../src/protocol/codec.ts';
import { completeMessage } from '../../src/protocol/complete-message.ts';
import { arbitraryMessage } from './arbitrary-message.ts';

describe('complete message', () => {
  it('is what a reader of the bytes would see', () => {
    const records = [Buffer.from('r')];
    const input = {
      acks: -1,
      timeoutMs: 1,
      topicData: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitionData: [{ index: 0, records }] }],
    };
    const frame = Buffer.concat(encodeRequest(Produce, 13, { correlationId: 1, clientId: '' }, input)).subarray(4);
    const completed = completeMessage(Produce.request, input);
    assert.deepEqual(completed, decodeRequest(Produce, 13, frame, parseRequestHeader(frame).bodyOffset));
    assert.equal(completed.topicData[0]?.partitionData[0]?.records, records);
  });

  it('leaves a message that is complete as it is', () => {
    for (const api of API_BY_KEY.values()) {
      fc.assert(
        fc.property(arbitraryMessage(api, 'response', api.versions.max), (message) => {
          assert.deepEqual(completeMessage(api.response, message), message);
        }),
        { numRuns: 20 },
      );
    }
  });

  it('refuses to invent a field without a default', () => {
    assert.throws(() => completeMessage(Produce.request, { acks: 1, timeoutMs: 1 } as never), TypeError);
  });
});
