/**
 * Is the place of a broker free? Pure: from the newest registration, the owner record and what the operating system says
 * of the registered process.
 *
 * The facts are those in the registration's log entry, so there is no moment at which a broker is registered and cannot be
 * judged. A process that was stopped (Ctrl-Z, SIGSTOP, a debugger) counts as alive for ever: it has the log files open,
 * and nothing fences writes through an open descriptor.
 */
import type { ProcessFacts } from '../kernel/env.ts';
import type { BrokerRegistration } from './cluster-image.ts';
import type { OwnerRecord } from './owner-record.ts';

/** A lock that is not refreshed for this long belongs to nobody (the heartbeat is three times in it). */
export const LOCK_STALE_MS = 6000;

/**
 * The same for an owner on another machine: it shares the directory by a network file system, where a time of change
 * may be shown up to acdirmax late (60 s by default, nfs(5)).
 */
export const OTHER_HOST_QUIET_MS = 75_000;

export type OwnerState =
  /** Nobody ever was the broker, or the last one released its place. */
  | { readonly kind: 'free' }
  /** The process is gone and did not release. */
  | { readonly kind: 'dead' }
  | { readonly kind: 'alive' }
  /** Of another host or pid namespace: free once its lock stood still for `quietMs`, watched by our own clock. */
  | { readonly kind: 'unknown'; readonly quietMs: number };

export interface OwnerFacts {
  /** The newest one of the broker id. */
  readonly registration: BrokerRegistration | undefined;
  readonly owner: OwnerRecord | undefined;
  /** This process. */
  readonly here: ProcessFacts;
  /** What the operating system says of the registered process. */
  readonly verdict: 'alive' | 'dead' | 'unknown';
  /** This process itself released this broker epoch, whether or not the record could be written. */
  readonly releasedHere: boolean;
}

export function judgeOwner(facts: OwnerFacts): OwnerState {
  const { registration, owner, verdict } = facts;
  if (registration === undefined || facts.releasedHere) {
    return { kind: 'free' };
  }
  if (owner?.brokerEpoch === registration.brokerEpoch && owner.released) {
    return { kind: 'free' };
  }
  return verdict === 'unknown' ? judgeStranger(registration.process, facts.here) : { kind: verdict };
}

function judgeStranger(process: ProcessFacts, here: ProcessFacts): OwnerState {
  const bootsKnown = process.bootId !== undefined && here.bootId !== undefined;
  if (bootsKnown && process.bootId === here.bootId) {
    // One kernel, so one machine, whatever its containers are called; its files are not seen late.
    return { kind: 'unknown', quietMs: LOCK_STALE_MS };
  }
  if (process.hostId === here.hostId) {
    return bootsKnown ? { kind: 'dead' } : { kind: 'unknown', quietMs: LOCK_STALE_MS };
  }
  return { kind: 'unknown', quietMs: OTHER_HOST_QUIET_MS };
}
