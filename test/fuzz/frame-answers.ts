/** What came back for a changed frame, by API. */
import { API_BY_KEY, ApiVersions } from '../../src/protocol/apis/index.ts';
import { decodeResponse } from '../../src/protocol/codec.ts';
import { errorCode } from '../../src/protocol/errors.ts';

/**
 * answered, error: read by our own codec, without and with an error's code in it; fault: with that of an error nobody foresaw, which
 * may not be, but for a static member that joins with another's pending id, as in Kafka. closed: the connection. silent: only the proper
 * request behind it was answered. waiting: nothing came in time. unreadable: an answer that is none, which may not be.
 */
export type AnswerKind = 'answered' | 'error' | 'fault' | 'closed' | 'silent' | 'waiting' | 'unreadable';
export type FrameRow = Record<AnswerKind, number>;

/** The correlation id of the proper request that is sent behind each frame. */
export const PROBE_ID = 0x70726f62;
/** Key, version, correlation id. */
const HEADER_BYTES = 8;
const FAULT = errorCode('UNKNOWN_SERVER_ERROR');
export const NO_API = 'no such API';

export function noAnswers(): FrameRow {
  return { answered: 0, error: 0, fault: 0, closed: 0, silent: 0, waiting: 0, unreadable: 0 };
}

/** Counts of what came back, by the API that the frame says. */
export class FrameCounts {
  readonly #rows = new Map<string, FrameRow>();

  add(frame: Buffer, kind: AnswerKind): void {
    const name = (frame.length < HEADER_BYTES ? undefined : API_BY_KEY.get(frame.readInt16BE(0))?.name) ?? NO_API;
    const row = this.#rows.get(name) ?? noAnswers();
    row[kind] += 1;
    this.#rows.set(name, row);
  }

  rows(): Readonly<Record<string, FrameRow>> {
    return Object.fromEntries(this.#rows);
  }
}

/** The message; else what it is instead. `answer` is a frame without its length. */
export function readAnswer(frame: Buffer, answer: Buffer): object | 'silent' | 'unreadable' {
  const correlationId = answer.length < 4 ? undefined : answer.readInt32BE(0);
  if (frame.length < HEADER_BYTES || correlationId !== frame.readInt32BE(4)) {
    return correlationId === PROBE_ID ? 'silent' : 'unreadable';
  }
  const api = API_BY_KEY.get(frame.readInt16BE(0));
  const version = frame.readInt16BE(2);
  if (api === undefined) return 'unreadable';
  try {
    // A version of ApiVersions that is not served is answered in version 0 (KIP-511).
    const isOther = api === ApiVersions && (version < api.versions.min || version > api.versions.max);
    return decodeResponse(api, isOther ? 0 : version, answer).message as object;
  } catch {
    return 'unreadable';
  }
}

export function answerKindOf(answer: object | 'silent' | 'unreadable'): AnswerKind {
  if (typeof answer !== 'object') return answer;
  const codes = errorCodesIn(answer);
  if (codes.includes(FAULT)) return 'fault';
  return codes.length > 0 ? 'error' : 'answered';
}

function errorCodesIn(value: unknown): number[] {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    if (!/errorCode$/i.test(name)) return errorCodesIn(each);
    return each === 0 ? [] : [Number(each)];
  });
}
