/** All scenarios, by name. */
import type { Scenario } from '../seed-run.ts';
import { CRASH_STORIES } from './crash-stories.ts';
import { badDisk, directoryLife } from './directory-life.ts';
import { places } from './places.ts';

export const SCENARIOS: readonly Scenario[] = [places, directoryLife, badDisk, ...CRASH_STORIES];
