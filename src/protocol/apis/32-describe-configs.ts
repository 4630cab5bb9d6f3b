import { api, array, boolean, defaulted, ignorable, int8, int16, int32, nullable, since, string } from '../schema.ts';

/** How our broker begins the documentation of a config that it keeps and that changes nothing; told on to people by our client. */
export const NO_EFFECT = 'No effect here: ';

/**
 * DescribeConfigs. Null configuration keys = all. v3 types and documentation, v4 flexible.
 * Source: DescribeConfigsRequest.json, DescribeConfigsResponse.json.
 */
export const DescribeConfigs = api(
  32,
  'DescribeConfigs',
  { versions: '1-4', flexible: 4 },
  {
    request: {
      resources: array({
        resourceType: int8,
        resourceName: string,
        configurationKeys: nullable(array(string)),
      }),
      includeSynonyms: since(1, boolean, false),
      includeDocumentation: since(3, boolean, false),
    },
    response: {
      throttleTimeMs: defaulted(int32, 0),
      results: array({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
        configs: array({
          name: string,
          value: nullable(string),
          readOnly: boolean,
          configSource: ignorable(since(1, int8, -1)),
          isSensitive: boolean,
          synonyms: ignorable(since(1, array({ name: string, value: nullable(string), source: int8 }), [])),
          configType: ignorable(since(3, int8, 0)),
          documentation: ignorable(since(3, nullable(string), null)),
        }),
      }),
    },
  },
);
