import { array, defaulted, int32, nullable, string, struct } from '../schema.ts';

/** Where the leader is now, told along with NOT_LEADER_OR_FOLLOWER or FENCED_LEADER_EPOCH (KIP-951); -1 = not told. */
export const currentLeader = struct({ leaderId: defaulted(int32, -1), leaderEpoch: defaulted(int32, -1) });

export const NO_CURRENT_LEADER = { leaderId: -1, leaderEpoch: -1 };

/** Addresses of the nodes that `currentLeader` names. */
export const nodeEndpoints = array({
  nodeId: int32,
  host: string,
  port: int32,
  rack: defaulted(nullable(string), null),
});
