import { readFileSync } from 'node:fs';

export interface JavaMessage {
  readonly name: string;
  readonly bytes: Buffer;
  /** Of a record, whose key `bytes` is; null = a tombstone. */
  readonly value: Buffer | null;
}

/** What Kafka's own code wrote: see GroupMessages.java. */
export const JAVA_MESSAGES: readonly JavaMessage[] = readFileSync(
  new URL('../../wire/group-messages.java.hex', import.meta.url),
  'utf8',
)
  .trimEnd()
  .split('\n')
  .map((line) => {
    const [name = '', bytes = '', value = '-'] = line.split(' ');
    return { name, bytes: Buffer.from(bytes, 'hex'), value: value === '-' ? null : Buffer.from(value, 'hex') };
  });

export function javaMessage(name: string): JavaMessage {
  return JAVA_MESSAGES.find((message) => message.name === name)!;
}
