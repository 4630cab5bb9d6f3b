/**
 * ApiVersions (18), versions 0-4. The list comes from the table that requests are routed by, so that nothing is advertised
 * that is not served. Features: none are finalized and none offered, so the tagged fields stay away.
 *
 * Skipped: v5 (KIP-1242), to which Java 4.4 falls back from by itself.
 * Source: ApiVersionsRequest.isValid, ApiVersionsResponse (Kafka 4.x).
 */

import { ApiVersions } from '../../protocol/apis/index.ts';
import { errorCode } from '../../protocol/errors.ts';
import type { RequestOf, ResponseOf } from '../../protocol/schema.ts';
import type { Reply } from '../request.ts';
import type { BrokerServices, Call } from '../services.ts';

/** The first version in which the client names itself. */
const CLIENT_SOFTWARE_VERSION = 3;
const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/;

export async function handleApiVersions(
  services: BrokerServices,
  request: RequestOf<typeof ApiVersions>,
  { version, context }: Call,
): Promise<Reply> {
  const named = SOFTWARE_NAME.test(request.clientSoftwareName) && SOFTWARE_NAME.test(request.clientSoftwareVersion);
  const throttleTimeMs = services.throttleTimeMs(context);
  if (version >= CLIENT_SOFTWARE_VERSION && !named) {
    return { message: versionsMessage(errorCode('INVALID_REQUEST'), [], throttleTimeMs) };
  }
  return { message: versionsMessage(errorCode('NONE'), services.advertised(), throttleTimeMs) };
}

/** The answer to a version that is too new: in version 0, with the versions of this API, from which the client chooses. */
export function unsupportedApiVersions(): Reply {
  const { key: apiKey, versions } = ApiVersions;
  const own = { apiKey, minVersion: versions.min, maxVersion: versions.max };
  return { message: versionsMessage(errorCode('UNSUPPORTED_VERSION'), [own], 0), version: 0 };
}

function versionsMessage(
  code: number,
  apiKeys: ResponseOf<typeof ApiVersions>['apiKeys'],
  throttleTimeMs: number,
): ResponseOf<typeof ApiVersions> {
  return {
    errorCode: code,
    apiKeys,
    throttleTimeMs,
    supportedFeatures: [],
    finalizedFeaturesEpoch: -1n,
    finalizedFeatures: [],
    zkMigrationReady: false,
  };
}
