/** What a handler works with, and what a handler is. Made once by the broker; nothing in it belongs to one connection. */

import type { BrokerSession } from '../cluster/broker-session.ts';
import type { Env } from '../kernel/env.ts';
import type { Authorize } from './authorize.ts';
import type { EffectiveSettings } from './broker-settings.ts';
import type { Deadlines } from './deadlines.ts';
import type { FetchMemory } from './fetch-memory.ts';
import type { Groups } from './groups.ts';
import type { Partitions } from './partitions.ts';
import type { Purgatory } from './purgatory.ts';
import type { RequestContext } from './request.ts';
import type { ThrottleTime } from './throttle.ts';

export interface HandOverAsked {
  readonly successor: string;
  readonly command: string;
}

export interface AdvertisedVersions {
  readonly apiKey: number;
  readonly minVersion: number;
  readonly maxVersion: number;
}

export interface BrokerServices {
  readonly env: Env;
  readonly session: BrokerSession;
  readonly settings: EffectiveSettings;
  readonly partitions: Partitions;
  readonly deadlines: Deadlines;
  readonly purgatory: Purgatory;
  readonly fetchMemory: FetchMemory;
  readonly groups: Groups;
  readonly authorize: Authorize;
  readonly throttleTimeMs: ThrottleTime;
  /** Bytes of each partition's log by its directory's name, `<topic>-<partition>`; one that has no files may be missing. */
  logSizes(): Promise<ReadonlyMap<string, number>>;
  /** What ApiVersions answers, from the same table that requests are routed by. */
  advertised(): readonly AdvertisedVersions[];
  /** Asks whoever embeds this broker to give its place up; false when it will not. */
  askHandOver(asked: HandOverAsked): boolean;
}

/** The request as far as it is not its message. */
export interface Call {
  readonly version: number;
  readonly context: RequestContext;
}
