import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  unsignedVarintBytes,
  varintBytes,
  varlongBytes,
  writeUnsignedVarint,
  writeVarint,
  writeVarlong,
} from '../../src/kernel/varint.ts';

function written(write: (target: Uint8Array, position: number, value: number) => number, value: number): string {
  const target = Buffer.alloc(12, 0xee);
  const end = write(target, 1, value);
  assert.equal(target[0], 0xee);
  assert.equal(target[end], 0xee);
  return target.toString('hex', 1, end);
}

/** LEB128 of a bigint, as the reference. */
function leb128(value: bigint): string {
  let hex = '';
  let rest = value;
  do {
    const byte = Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0);
    hex += byte.toString(16).padStart(2, '0');
    rest >>= 7n;
  } while (rest > 0n);
  return hex;
}

function zigzag(value: bigint): bigint {
  return value >= 0n ? value * 2n : -value * 2n - 1n;
}

const MAX_SIZE = 2 ** 52 - 1;

describe('varints', () => {
  it('are LEB128, and zigzag when signed', () => {
    assert.equal(written(writeUnsignedVarint, 300), 'ac02');
    assert.equal(written(writeUnsignedVarint, 0xffff_ffff), 'ffffffff0f');
    assert.equal(written(writeVarint, -1), '01');
    assert.equal(written(writeVarint, 63), '7e');
    assert.equal(written(writeVarint, -2147483648), 'ffffffff0f');
    assert.equal(written(writeVarlong, 1_700_000_000_000), '80a0abfef962');
  });

  it('have the bytes of the reference at every size', () => {
    const edges = [7, 14, 21, 28, 31, 32, 35, 42, 49].flatMap((bits) =>
      [-1, 0, 1].flatMap((nudge) => [2 ** bits + nudge, 2 ** (bits - 1) + nudge]),
    );
    const unsigned = fc.oneof(
      fc.constantFrom(...edges.filter((edge) => edge < 2 ** 32)),
      fc.nat(),
      fc.integer({ min: 0, max: 0xffff_ffff }),
    );
    fc.assert(
      fc.property(unsigned, (value) => {
        assert.equal(written(writeUnsignedVarint, value), leb128(BigInt(value)));
        assert.equal(unsignedVarintBytes(value), leb128(BigInt(value)).length / 2);
      }),
    );
    fc.assert(
      fc.property(fc.integer(), (value) => {
        assert.equal(written(writeVarint, value), leb128(zigzag(BigInt(value))));
        assert.equal(varintBytes(value), leb128(zigzag(BigInt(value))).length / 2);
      }),
    );
    const signed = fc.oneof(
      fc.constantFrom(...edges, ...edges.map((edge) => -edge)),
      fc.integer(),
      fc.integer({ min: -MAX_SIZE, max: MAX_SIZE }),
    );
    fc.assert(
      fc.property(signed, (value) => {
        assert.equal(written(writeVarlong, value), leb128(zigzag(BigInt(value))));
        assert.equal(varlongBytes(value), leb128(zigzag(BigInt(value))).length / 2);
      }),
      { numRuns: 500 },
    );
  });
});
