import { api, array, ignorable, int16, int32, nullable, since, string, uuid, ZERO_UUID } from '../schema.ts';

/**
 * DeleteTopics. v4 is flexible; v6 takes names or ids in `topics` instead of `topicNames`, and may answer with a null name.
 * Source: DeleteTopicsRequest.json, DeleteTopicsResponse.json.
 */
export const DeleteTopics = api(
  20,
  'DeleteTopics',
  { versions: '1-6', flexible: 4 },
  {
    request: {
      topics: since(6, array({ name: since(6, nullable(string), null), topicId: since(6, uuid, ZERO_UUID) }), []),
      topicNames: ignorable(since('0-5', array(string), [])),
      timeoutMs: int32,
    },
    response: {
      throttleTimeMs: ignorable(since(1, int32, 0)),
      responses: array({
        name: nullable(string, 6),
        topicId: ignorable(since(6, uuid, ZERO_UUID)),
        errorCode: int16,
        errorMessage: ignorable(since(5, nullable(string), null)),
      }),
    },
  },
);
