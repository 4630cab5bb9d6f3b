/** The settings that bound what connections and their requests may cost (B-1, B-2, B-7, B-8). All may change while a broker runs. */

import type { ConfigDefinition } from './config-definition.ts';

/** The ones that Kafka has no name for; Kafka's own stand with the other broker settings. */
export const CONNECTION_SETTINGS: readonly ConfigDefinition[] = [
  {
    name: 'streamctl.first.frame.ms',
    type: 'int',
    default: '10000',
    minimum: 1n,
    documentation: 'A new connection is cut off when its first request has not come whole after so long.',
  },
  {
    name: 'streamctl.frame.ms',
    type: 'int',
    default: '30000',
    minimum: 1n,
    documentation: 'A connection is cut off when a request has not come whole so long after its first byte.',
  },
  {
    name: 'streamctl.request.max.bytes',
    type: 'int',
    default: '8388608',
    minimum: 1024n,
    documentation: 'The largest request that is no Produce; such requests take many times their bytes when decoded.',
  },
  {
    name: 'streamctl.requests.per.connection',
    type: 'int',
    default: '100',
    minimum: 1n,
    documentation: 'Requests of one connection that are in work at a time; reading pauses at the limit.',
  },
  {
    name: 'streamctl.stall.ms',
    type: 'int',
    default: '60000',
    minimum: 1n,
    documentation: 'A connection is cut off when its client has read nothing of an answer for so long.',
  },
];
