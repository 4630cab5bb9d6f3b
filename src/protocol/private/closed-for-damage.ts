/**
 * How streamctl tells streamctl that a partition is closed for damage. On the wire that is KAFKA_STORAGE_ERROR, as of a Kafka whose log
 * directory is offline, and clients try again: with another leader, or once it is repaired. Here no other has the partition and
 * time heals nothing, so the answer's message ends with these words, which our own client takes for final.
 */
import type { ErrorName } from '../errors.ts';

const WORDS = 'takes no records until its files are whole again';

/** `what`: the partition, and where it is damaged. */
export function closedForDamage(what: string): string {
  return `${what} and ${WORDS}`;
}

/** Whether the answer to a Produce says that trying again is of no use. */
export function isClosedForDamage(error: ErrorName, brokerMessage: string | null | undefined): boolean {
  return error === 'KAFKA_STORAGE_ERROR' && brokerMessage?.endsWith(WORDS) === true;
}
