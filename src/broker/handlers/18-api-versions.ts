/**
 * ApiVersions (18), versions 0-4. The list comes from the table that requests are routed by, so that nothing is advertised
 * that is not served. The one feature is `group.version`, the level that says that consumer groups of KIP-848 are served.
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
/** Clients of older versions do not take a feature whose lowest level is 0 (KAFKA-17011). */
const LEVEL_0_VERSION = 4;
const GROUP_FEATURE = 'group.version';
const GROUP_LEVEL = 1;
/** Features count from 0 on (clients take the list with the largest); they never change here. */
const FEATURES_EPOCH = 0n;
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
  const message: ResponseOf<typeof ApiVersions> = {
    ...versionsMessage(errorCode('NONE'), services.advertised(), throttleTimeMs),
    supportedFeatures: [
      { name: GROUP_FEATURE, minVersion: version < LEVEL_0_VERSION ? 1 : 0, maxVersion: GROUP_LEVEL },
    ],
    finalizedFeaturesEpoch: FEATURES_EPOCH,
    finalizedFeatures: [{ name: GROUP_FEATURE, maxVersionLevel: GROUP_LEVEL, minVersionLevel: GROUP_LEVEL }],
  };
  return { message };
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
