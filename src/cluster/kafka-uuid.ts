import type { Random } from '../kernel/env.ts';

/**
 * A random id in Kafka's text form: 22 characters of url-safe base64. Never one that begins with `-`, which shells and
 * Kafka's tools would read as a flag (Kafka's Uuid.randomUuid).
 */
export function randomKafkaUuid(random: Random): string {
  for (;;) {
    const bytes = Buffer.from(random.uuid().replaceAll('-', ''), 'hex');
    const text = bytes.toString('base64url');
    if (!text.startsWith('-')) {
      return text;
    }
  }
}
