import { api, array, boolean, ignorable, int16, int32, int64, since, string, tagged } from '../schema.ts';

/**
 * ApiVersions. The answer's header is version 0 at every version, and a version above ours is answered in v0 with
 * UNSUPPORTED_VERSION (KIP-511). v3 is flexible and carries features. Source: ApiVersionsRequest.json, ApiVersionsResponse.json.
 */
export const ApiVersions = api(
  18,
  'ApiVersions',
  { versions: '0-4', flexible: 3 },
  {
    request: {
      clientSoftwareName: ignorable(since(3, string, '')),
      clientSoftwareVersion: ignorable(since(3, string, '')),
    },
    response: {
      errorCode: int16,
      apiKeys: array({ apiKey: int16, minVersion: int16, maxVersion: int16 }),
      throttleTimeMs: ignorable(since(1, int32, 0)),
      supportedFeatures: ignorable(tagged(0, 3, array({ name: string, minVersion: int16, maxVersion: int16 }), [])),
      finalizedFeaturesEpoch: ignorable(tagged(1, 3, int64, -1n)),
      finalizedFeatures: ignorable(
        tagged(2, 3, array({ name: string, maxVersionLevel: int16, minVersionLevel: int16 }), []),
      ),
      zkMigrationReady: ignorable(tagged(3, 3, boolean, false)),
    },
  },
);
