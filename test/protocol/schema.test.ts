import assert from 'node:assert/strict';
import { Fetch, type Produce } from '../../src/protocol/apis/index.ts';
import {
  api,
  array,
  type RequestInput,
  type RequestOf,
  type ResponseOf,
  since,
  string,
  ZERO_UUID,
} from '../../src/protocol/schema.ts';

/** Fails to compile unless both types are the same. */
function same<A, B>(proof: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false): void {
  assert.equal(proof, true);
}

type Accepts<Given, Wanted> = Given extends Wanted ? true : false;

describe('schema: inferred types', () => {
  it('give every field of a decoded message', () => {
    same<RequestOf<typeof Produce>['transactionalId'], string | null>(true);
    same<RequestOf<typeof Produce>['topicData'][number]['partitionData'][number]['records'], readonly Buffer[] | null>(
      true,
    );
    same<ResponseOf<typeof Produce>['responses'][number]['partitionResponses'][number]['baseOffset'], bigint>(true);
    same<ResponseOf<typeof Produce>['nodeEndpoints'][number]['rack'], string | null>(true);
  });

  it('let a writer leave out what has a default, and nothing else', () => {
    type Given = { acks: number; timeoutMs: number; topicData: [] };
    same<Accepts<Given, RequestInput<typeof Produce>>, true>(true);
    same<Accepts<Omit<Given, 'acks'>, RequestInput<typeof Produce>>, false>(true);
    same<Accepts<Omit<Given, 'acks'> & { acks: string }, RequestInput<typeof Produce>>, false>(true);
    same<Accepts<Given, RequestOf<typeof Produce>>, false>(true);
  });

  it('let a decoded message be written again', () => {
    same<Accepts<RequestOf<typeof Fetch>, RequestInput<typeof Fetch>>, true>(true);
  });
});

describe('schema: version ranges', () => {
  it('are inclusive', () => {
    const { request } = api(
      1000,
      'Ranged',
      { versions: '2-5', advertised: '0-5' },
      {
        request: { old: since('2-3', string, ''), late: since(4, string, '') },
        response: {},
      },
    );
    const { old, late } = request.fields as Record<string, { since: number; until: number }>;
    assert.deepEqual([old?.since, old?.until, late?.since, late?.until], [2, 3, 4, Infinity]);
    assert.deepEqual(Fetch.versions, { min: 4, max: 18 });
    assert.deepEqual(Fetch.advertised, Fetch.versions);
  });

  it('are refused when they are none', () => {
    for (const versions of ['', 'x', '3-', '5-3']) {
      assert.throws(() => api(1000, 'Broken', { versions }, { request: {}, response: {} }), RangeError);
    }
  });
});

describe('schema: arrays', () => {
  it('are of a type, or of structs, also of one with a field that is called kind', () => {
    assert.equal(array(string).kind, 'array');
    const nested = array({ kind: string });
    assert.deepEqual(nested.kind === 'array' && nested.element.kind, 'struct');
  });

  it('have a zero id of 16 zero bytes', () => {
    assert.deepEqual(Buffer.from(ZERO_UUID, 'base64url'), Buffer.alloc(16));
  });
});
