/** Kafka's rules for topic names. Source: Kafka 4.x clients Topic.java. */
import { oneLine } from '../kernel/one-line.ts';

const NAME = /^[a-zA-Z0-9._-]+$/;
const NAME_LENGTH_MAX = 249;
const INTERNAL_TOPICS: ReadonlySet<string> = new Set([
  '__consumer_offsets',
  '__transaction_state',
  '__share_group_state',
]);

/** What is wrong with `name` as a topic's name, in words; undefined when nothing is. */
export function problemWithTopicName(name: string): string | undefined {
  if (name === '') return 'a topic name cannot be empty';
  if (name === '.' || name === '..') return `a topic cannot be named '${name}'`;
  if (name.length > NAME_LENGTH_MAX) return `a topic name cannot be longer than ${NAME_LENGTH_MAX} characters`;
  if (!NAME.test(name)) return `a topic name has letters, digits, '.', '_' and '-' only, not '${oneLine(name)}'`;
  return undefined;
}

/**
 * The existing topic with which `name` collides: names that differ only in '.' and '_' would be one name in metrics, so
 * Kafka allows one of them. undefined when there is none; a topic of the very name is no collision.
 */
export function collidingTopic(name: string, existing: Iterable<string>): string | undefined {
  if (!/[._]/.test(name)) return undefined;
  const folded = name.replaceAll('.', '_');
  for (const other of existing) {
    if (other !== name && other.replaceAll('.', '_') === folded) return other;
  }
  return undefined;
}

/** Topics that only the cluster's own code creates and writes. */
export function isInternalTopic(name: string): boolean {
  return INTERNAL_TOPICS.has(name);
}
