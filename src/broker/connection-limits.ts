/** What one connection may cost and how long it may keep the broker waiting (B-1, B-2, B-7, B-8). Pure. */

import type { EffectiveSettings } from './broker-settings.ts';

export interface ConnectionLimits {
  /** Requests taken and not yet answered. */
  readonly requestsMax: number;
  /** Bytes of requests that are being written to a log; reading stops above it. */
  readonly requestBytesMax: number;
  /** Bytes of answers that the peer has not read; reading stops above it. */
  readonly unsentBytesMax: number;
  /** The longest frame of an API; -1 for a frame too short to say which. */
  readonly frameBytesMax: (apiKey: number) => number;
  readonly firstFrameMsMax: number;
  readonly frameMsMax: number;
  readonly stallMsMax: number;
  readonly idleMsMax: number;
}

/** How long each thing has gone on; undefined where it does not go on. */
export interface ConnectionTimes {
  /** Over the network, and not from a command that has the directory open. */
  readonly isRemote: boolean;
  readonly isFirstFrameDue: boolean;
  readonly acceptedForMs: number;
  readonly frameForMs: number | undefined;
  readonly unsentForMs: number | undefined;
  readonly idleForMs: number | undefined;
}

export type Lateness = 'first-frame' | 'frame' | 'stalled' | 'idle';

const PRODUCE_KEY = 0;
/** While others wait for memory, a request has to come at 32 KiB a second from its second second on. */
const TRICKLE_MS = 2000;
const TRICKLE_BYTES_PER_MS = 32;

/** The limits as the settings are now. Decoded messages take many times their bytes, so only records may be long (B-2). */
export function connectionLimits(settings: Pick<EffectiveSettings, 'number'>): ConnectionLimits {
  const requestBytesMax = settings.number('socket.request.max.bytes');
  const otherBytesMax = Math.min(requestBytesMax, settings.number('streamctl.request.max.bytes'));
  return {
    requestsMax: settings.number('streamctl.requests.per.connection'),
    requestBytesMax: 32 << 20,
    unsentBytesMax: 4 << 20,
    frameBytesMax: (apiKey) => (apiKey === PRODUCE_KEY ? requestBytesMax : otherBytesMax),
    firstFrameMsMax: settings.number('streamctl.first.frame.ms'),
    frameMsMax: settings.number('streamctl.frame.ms'),
    stallMsMax: settings.number('streamctl.stall.ms'),
    idleMsMax: settings.number('connections.max.idle.ms'),
  };
}

/** What a connection is late with; undefined when it is not. */
export function lateness(limits: ConnectionLimits, times: ConnectionTimes): Lateness | undefined {
  if (times.isFirstFrameDue && times.acceptedForMs > limits.firstFrameMsMax) return 'first-frame';
  if (times.frameForMs !== undefined && times.frameForMs > limits.frameMsMax) return 'frame';
  if (times.unsentForMs !== undefined && times.unsentForMs > limits.stallMsMax) return 'stalled';
  if (times.isRemote && times.idleForMs !== undefined && times.idleForMs > limits.idleMsMax) return 'idle';
  return undefined;
}

/**
 * Whether a frame of which `unfinishedBytes` are there comes so slowly that its memory is better given to others: 14 bytes that
 * announce a long frame take 2 MiB, and sixty such connections all that there is (B-8).
 */
export function isTrickling({ frameForMs }: Pick<ConnectionTimes, 'frameForMs'>, unfinishedBytes: number): boolean {
  return frameForMs !== undefined && frameForMs >= TRICKLE_MS && unfinishedBytes < frameForMs * TRICKLE_BYTES_PER_MS;
}
