/** What tests of the group APIs share: a broker with topics, answers that were written and read again, versions and errors by name. */
import assert from 'node:assert/strict';
import { errorName } from '../../../src/protocol/errors.ts';
import type { AnyApi, RequestInput, ResponseOf } from '../../../src/protocol/schema.ts';
import type { BrokerUnderTest } from '../broker-in-world.ts';
import type { GroupClient } from '../group-client.ts';
import { type GroupModules, loadGroupModules } from '../group-modules.ts';

export let modules: GroupModules;

export async function loadModulesOnce(): Promise<void> {
  modules = await loadGroupModules();
}

export const withBroker: GroupModules['withBroker'] = (...args) => modules.withBroker(...args);

export function ask<A extends AnyApi>(
  test: BrokerUnderTest,
  api: A,
  version: number,
  message: RequestInput<A>,
): Promise<ResponseOf<A>> {
  return modules.ask(test, api, version, message);
}

export function versionsOf({ versions }: AnyApi): number[] {
  return Array.from({ length: versions.max - versions.min + 1 }, (_, at) => versions.min + at);
}

/** A broker with the topics `t` (three partitions) and `u`, and the topic of offsets. */
export function withTopics(program: (test: BrokerUnderTest, client: GroupClient) => Promise<void>): Promise<void> {
  return withBroker(async (test) => {
    await test.createTopic('t', 3);
    await test.createTopic('u');
    const client = new modules.GroupClient(test);
    assert.equal(await client.find(), 'NONE');
    await program(test, client);
  });
}

export function names(codes: readonly { readonly errorCode: number }[]): string[] {
  return codes.map(({ errorCode }) => errorName(errorCode));
}
