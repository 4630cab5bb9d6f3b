/**
 * A batch as Kafka's own code writes it: base offset 100, leader epoch 5, producer 77 epoch 2, sequence 0, and three records
 * with key k0 and the values value-0-0 to value-0-2, one millisecond apart.
 */
export const GOLDEN_BATCH = Buffer.from(
  [
    '0000000000000064 00000067 00000005 02 d3f9eade 0000 00000002 0000018bcfe56800 0000018bcfe56802',
    '000000000000004d 0002 00000000 00000003',
    '22 00 00 00 04 6b30 12 76616c75652d302d30 00',
    '22 00 02 02 04 6b30 12 76616c75652d302d31 00',
    '22 00 04 04 04 6b30 12 76616c75652d302d32 00',
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);
