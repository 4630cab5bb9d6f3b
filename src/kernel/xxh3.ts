/**
 * XXH3 in 64 bits, seed 0: the hash by which Kafka tells that the topics of a group have changed. Written for inputs of some hundred
 * bytes, now and then. Source: the specification of xxHash, section XXH3 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).
 */

/** The hash of `bytes`, unsigned. */
export function xxh3(bytes: Uint8Array): bigint {
  const { length } = bytes;
  const input = new DataView(bytes.buffer, bytes.byteOffset, length);
  if (length <= 16) return hashTiny(input, length);
  if (length <= MIDDLE_MAX) return hashSmall(input, length);
  return hashLong(input, length);
}

const SECRET = new DataView(
  Uint8Array.from(
    Buffer.from(
      'b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221' +
        'b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8' +
        'fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb17' +
        '0ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e',
      'hex',
    ),
  ).buffer,
);
const PRIME32_1 = 0x9e37_79b1n;
const PRIME32_2 = 0x85eb_ca77n;
const PRIME32_3 = 0xc2b2_ae3dn;
const PRIME64_1 = 0x9e37_79b1_85eb_ca87n;
const PRIME64_2 = 0xc2b2_ae3d_27d4_eb4fn;
const PRIME64_3 = 0x1656_67b1_9e37_79f9n;
const PRIME64_4 = 0x85eb_ca77_c2b2_ae63n;
const PRIME64_5 = 0x27d4_eb2f_1656_67c5n;
const PRIME_MIX_1 = 0x1656_6791_9e37_79f9n;
const PRIME_MIX_2 = 0x9fb2_1c65_1e98_df25n;
const LOW_32 = 0xffff_ffffn;

/** Up to here the input is mixed in pieces of 16 bytes; what is longer goes through eight lanes, a stripe at a time. */
const MIDDLE_MAX = 240;
const SMALL_MAX = 128;
const STRIPE_BYTES = 64;
const STRIPES_PER_BLOCK = 16;
const BLOCK_BYTES = STRIPE_BYTES * STRIPES_PER_BLOCK;
const LANE_COUNT = 8;

function hashTiny(input: DataView, length: number): bigint {
  if (length > 8) {
    const low = at(input, 0) ^ at(SECRET, 24) ^ at(SECRET, 32);
    const high = at(input, length - 8) ^ at(SECRET, 40) ^ at(SECRET, 48);
    return avalanche(wrap(BigInt(length) + swapBytes(low) + high + foldProduct(low, high)));
  }
  if (length >= 4) {
    const first = BigInt(input.getUint32(0, true));
    const last = BigInt(input.getUint32(length - 4, true));
    return mixTiny((last + (first << 32n)) ^ at(SECRET, 8) ^ at(SECRET, 16), length);
  }
  if (length === 0) return avalancheOld(at(SECRET, 56) ^ at(SECRET, 64));
  const [first, middle, last] = [input.getUint8(0), input.getUint8(length >> 1), input.getUint8(length - 1)];
  const combined = ((first << 16) | (middle << 24) | last | (length << 8)) >>> 0;
  return avalancheOld(BigInt((combined ^ SECRET.getUint32(0, true) ^ SECRET.getUint32(4, true)) >>> 0));
}

function hashSmall(input: DataView, length: number): bigint {
  let sum = wrap(BigInt(length) * PRIME64_1);
  const add = (inputAt: number, secretAt: number): void => {
    const low = at(input, inputAt) ^ at(SECRET, secretAt);
    sum = wrap(sum + foldProduct(low, at(input, inputAt + 8) ^ at(SECRET, secretAt + 8)));
  };
  if (length <= SMALL_MAX) {
    for (let pair = (length - 1) >> 5; pair >= 0; pair--) {
      add(16 * pair, 32 * pair);
      add(length - 16 * (pair + 1), 32 * pair + 16);
    }
    return avalanche(sum);
  }
  const pieceCount = Math.floor(length / 16);
  for (let piece = 0; piece < 8; piece++) add(16 * piece, 16 * piece);
  sum = avalanche(sum);
  for (let piece = 8; piece < pieceCount; piece++) add(16 * piece, 16 * (piece - 8) + 3);
  add(length - 16, 119);
  return avalanche(sum);
}

function hashLong(input: DataView, length: number): bigint {
  const lanes = [PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1];
  const stripeCount = Math.floor((length - 1) / STRIPE_BYTES);
  for (let stripe = 0; stripe < stripeCount; stripe++) {
    const inBlock = stripe % STRIPES_PER_BLOCK;
    accumulate(lanes, input, stripe * STRIPE_BYTES, 8 * inBlock);
    if (inBlock === STRIPES_PER_BLOCK - 1 && (stripe + 1) * STRIPE_BYTES <= length - 1 - ((length - 1) % BLOCK_BYTES)) {
      scramble(lanes);
    }
  }
  accumulate(lanes, input, length - STRIPE_BYTES, 121);
  let sum = wrap(BigInt(length) * PRIME64_1);
  for (let lane = 0; lane < LANE_COUNT; lane += 2) {
    const [left, right] = [lanes[lane] ?? 0n, lanes[lane + 1] ?? 0n];
    sum = wrap(sum + foldProduct(left ^ at(SECRET, 11 + 8 * lane), right ^ at(SECRET, 19 + 8 * lane)));
  }
  return avalanche(sum);
}

function accumulate(lanes: bigint[], input: DataView, inputAt: number, secretAt: number): void {
  for (let lane = 0; lane < LANE_COUNT; lane++) {
    const value = at(input, inputAt + 8 * lane);
    const keyed = value ^ at(SECRET, secretAt + 8 * lane);
    lanes[lane ^ 1] = wrap((lanes[lane ^ 1] ?? 0n) + value);
    lanes[lane] = wrap((lanes[lane] ?? 0n) + (keyed & LOW_32) * (keyed >> 32n));
  }
}

function scramble(lanes: bigint[]): void {
  for (let lane = 0; lane < LANE_COUNT; lane++) {
    const value = lanes[lane] ?? 0n;
    lanes[lane] = wrap((value ^ (value >> 47n) ^ at(SECRET, 128 + 8 * lane)) * PRIME32_1);
  }
}

function mixTiny(keyed: bigint, length: number): bigint {
  let hash = keyed ^ rotateLeft(keyed, 49n) ^ rotateLeft(keyed, 24n);
  hash = wrap(hash * PRIME_MIX_2);
  hash ^= (hash >> 35n) + BigInt(length);
  hash = wrap(hash * PRIME_MIX_2);
  return hash ^ (hash >> 28n);
}

function avalanche(sum: bigint): bigint {
  const hash = wrap((sum ^ (sum >> 37n)) * PRIME_MIX_1);
  return hash ^ (hash >> 32n);
}

function avalancheOld(sum: bigint): bigint {
  let hash = wrap((sum ^ (sum >> 33n)) * PRIME64_2);
  hash = wrap((hash ^ (hash >> 29n)) * PRIME64_3);
  return hash ^ (hash >> 32n);
}

/** Both halves of the product in 128 bits, one over the other. */
function foldProduct(left: bigint, right: bigint): bigint {
  const product = left * right;
  return wrap(product) ^ (product >> 64n);
}

function swapBytes(value: bigint): bigint {
  SCRATCH.setBigUint64(0, value, true);
  return SCRATCH.getBigUint64(0, false);
}

const SCRATCH = new DataView(new ArrayBuffer(8));

function rotateLeft(value: bigint, by: bigint): bigint {
  return wrap(value << by) | (value >> (64n - by));
}

function at(view: DataView, offset: number): bigint {
  return view.getBigUint64(offset, true);
}

function wrap(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}
