/** Bugs that are planted to see whether the simulation finds them. */
import type { SourcePatch } from './bundle.ts';

export interface PlantedBug {
  readonly name: string;
  readonly patches: readonly SourcePatch[];
  /** Where it shows: scenarios whose seeds are run, or stories whose crash points are. */
  readonly scenarios: readonly string[];
}

export const PLANTED_BUGS: readonly PlantedBug[] = [];
