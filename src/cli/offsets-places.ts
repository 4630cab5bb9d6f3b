/** `--topic logs` and `--topic logs:0,3`: which partitions a command is about. */
import type { GroupAdmin } from '../client/group-admin.ts';
import type { GroupPartition } from '../client/group-offsets.ts';
import { partitionsOf } from '../client/group-offsets-lag.ts';
import { CliError, usageError } from './cli-error.ts';
import { EXIT } from './exit-codes.ts';

export interface PlaceChoice {
  readonly topic: string;
  /** undefined: all of them. */
  readonly partitions: ReadonlySet<number> | undefined;
}

/** Throws a usage error. */
export function parsePlaces(texts: readonly string[], source: string): PlaceChoice[] {
  return texts.map((text) => {
    const [topic = '', list, ...rest] = text.split(':');
    const partitions = list?.split(',');
    const isList = partitions === undefined || partitions.every((part) => /^\d{1,10}$/.test(part));
    if (topic === '' || rest.length > 0 || !isList) {
      throw usageError(`${source}: '${text}' names no partitions; write TOPIC or TOPIC:0,3`);
    }
    return { topic, partitions: partitions === undefined ? undefined : new Set(partitions.map(Number)) };
  });
}

/** Whether a command that was given these is about the partition; none given: about all. */
export function isChosen(choices: readonly PlaceChoice[], { topic, partition }: GroupPartition): boolean {
  return (
    choices.length === 0 ||
    choices.some((choice) => choice.topic === topic && (choice.partitions?.has(partition) ?? true))
  );
}

/** The partitions that were chosen. Throws CliError 5 for a topic or partition that is not there. */
export async function chosenPartitions(admin: GroupAdmin, choices: readonly PlaceChoice[]): Promise<GroupPartition[]> {
  const all = await partitionsOf(admin, new Set(choices.map(({ topic }) => topic)));
  for (const { topic, partitions } of choices) {
    const there = all.filter((place) => place.topic === topic).map(({ partition }) => partition);
    if (there.length === 0) throw new CliError(EXIT.notFound, `there is no topic '${topic}'`);
    for (const partition of partitions ?? []) {
      if (there.includes(partition)) continue;
      throw new CliError(EXIT.notFound, `topic '${topic}' has no partition ${partition}`);
    }
  }
  return all.filter((place) => isChosen(choices, place));
}
