/** All scenarios, by name. */
import type { Scenario } from '../seed-run.ts';
import { CRASH_STORIES } from './crash-stories.ts';
import { badDisk, directoryLife, manyPartitions } from './directory-life.ts';
import { groups } from './group-life.ts';
import { places } from './places.ts';
import { idempotence, keeper } from './raw-life.ts';
import { servedDamage } from './served-damage.ts';
import { topicsComeAndGo } from './topics-come-and-go.ts';

export const SCENARIOS: readonly Scenario[] = [
  places,
  directoryLife,
  badDisk,
  manyPartitions,
  idempotence,
  keeper,
  topicsComeAndGo,
  servedDamage,
  groups,
  ...CRASH_STORIES,
];
