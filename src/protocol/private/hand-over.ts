/**
 * HandOver (20001): `serve` asks the command that is the broker to give its place up (DESIGN 5.5). Private to streamctl like
 * DirectoryHandshake. The answer comes before the hand-over begins; its end is seen in the owner record, and as the
 * connection's end.
 */
import { api, boolean, int32, string } from '../schema.ts';

export const HandOver = api(
  20001,
  'HandOver',
  { versions: '0' },
  {
    /** `successor`: the asking process's facts as JSON (`ProcessFacts`), written into the owner record for the others. */
    request: { successor: string, command: string },
    /** `accepted` is false when the owner is itself a `serve`, which gives its place up to nobody. */
    response: { accepted: boolean, pid: int32, command: string },
  },
);
