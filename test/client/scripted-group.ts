/** A coordinator that answers what the test says, behind the client's Transport, for one member at a time. */
import { ConnectionLost } from '../../src/client/client-error.ts';
import { GroupCoordinator } from '../../src/client/group-coordinator.ts';
import type { GroupMember, MemberOptions, MembershipEvents } from '../../src/client/group-member.ts';
import { TopicLookUp } from '../../src/client/group-topics.ts';
import type { Lane, Transport, TransportReply, VersionRange } from '../../src/client/transport.ts';
import type { Env } from '../../src/kernel/env.ts';
import { API_BY_KEY, FindCoordinator, Metadata } from '../../src/protocol/apis/index.ts';
import { type ErrorName, errorCode } from '../../src/protocol/errors.ts';
import type { AnyApi, AnyType, RequestOf, ResponseOf } from '../../src/protocol/schema.ts';
import { testEnv, VirtualClock } from './test-env.ts';

export const TOPIC_ID = Buffer.from('t'.padEnd(16, '.')).toString('base64url');

/** A response's fields, an error code for it, or a connection that is lost. */
export type Answer = object | ErrorName | 'lost';

export interface Sent {
  readonly name: string;
  readonly message: Readonly<Record<string, unknown>>;
  readonly lane: Lane;
}

export class ScriptedGroup implements Transport {
  readonly clock = new VirtualClock();
  readonly env: Env = testEnv({ clock: this.clock });
  readonly sent: Sent[] = [];
  /** By API name: what comes next, the last for all that follow. */
  readonly script = new Map<string, Answer[]>();
  partitionCount = 2;

  options(instanceId: string | null = null): MemberOptions {
    const coordinator = new GroupCoordinator({
      env: this.env,
      transport: this,
      groupId: 'g',
      isByDirectory: false,
    });
    const topics = new TopicLookUp(['t'], this.env, this, 30_000);
    return { env: this.env, coordinator, topics, instanceId, timeoutMs: 30_000 };
  }

  answer(api: AnyApi, ...answers: Answer[]): void {
    this.script.set(api.name, answers);
  }

  namesSent(): string[] {
    return this.sent.map(({ name }) => name).filter((name) => name !== 'Metadata' && name !== 'FindCoordinator');
  }

  async request<A extends AnyApi>(
    _nodeId: number,
    api: A,
    _version: number,
    message: RequestOf<A>,
    _timeoutMs: number,
    lane: Lane = 'data',
  ): Promise<TransportReply<ResponseOf<A>>> {
    this.sent.push({ name: api.name, message: message as Readonly<Record<string, unknown>>, lane });
    const answer = this.#next(api);
    await this.clock.sleep(1);
    if (answer === 'lost') throw new ConnectionLost('the test says so');
    const fields = typeof answer === 'string' ? { errorCode: errorCode(answer) } : answer;
    return { message: filled(api.response, fields) as ResponseOf<A>, release: () => undefined };
  }

  versions(): Promise<ReadonlyMap<number, VersionRange>> {
    return Promise.resolve(new Map([...API_BY_KEY.values()].map((api) => [api.key, api.versions])));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #next(api: AnyApi): Answer {
    const answers = this.script.get(api.name);
    const next = answers !== undefined && answers.length > 1 ? answers.shift() : answers?.[0];
    if (next !== undefined) return next;
    if (api.key === FindCoordinator.key) return { coordinators: [{ key: 'g', nodeId: 1, errorCode: 0 }] };
    if (api.key !== Metadata.key) return {};
    const partitions = Array.from({ length: this.partitionCount }, (_, partitionIndex) => ({
      partitionIndex,
      leaderId: 1,
      errorCode: 0,
    }));
    return { topics: [{ errorCode: 0, name: 't', topicId: TOPIC_ID, partitions }] };
  }
}

/** With zero or nothing where the test leaves something out. */
function filled(type: AnyType, value: unknown): unknown {
  if (value === null) return null;
  if (type.kind === 'struct') {
    const given = (value ?? {}) as Readonly<Record<string, unknown>>;
    return Object.fromEntries(
      Object.entries(type.fields).map(([name, field]) => {
        if (field.kind !== 'field') return [name, filled(field, given[name])];
        return [name, given[name] === undefined ? field.default : filled(field.type, given[name])];
      }),
    );
  }
  if (type.kind === 'array' && Array.isArray(value)) return value.map((each) => filled(type.element, each));
  if (value !== undefined) return value;
  if (type.kind === 'array' || type.kind === 'records') return [];
  if (type.kind === 'string' || type.kind === 'uuid') return '';
  if (type.kind === 'bytes') return Buffer.alloc(0);
  return type.kind === 'int64' ? 0n : type.kind === 'boolean' ? false : 0;
}

/** Writes down what happens to a member. */
export class Diary implements MembershipEvents {
  readonly lines: string[] = [];
  member: GroupMember | undefined;
  /** What is done before partitions are given up. */
  onRevoked: () => Promise<void> = async () => undefined;
  failure: unknown;

  assigned(added: readonly { readonly partition: number }[]): void {
    this.lines.push(`assigned ${shown(added)}`);
  }

  async revoked(partitions: readonly { readonly partition: number }[]): Promise<void> {
    this.lines.push(`revoked ${shown(partitions)}`);
    await this.onRevoked();
  }

  lost(partitions: readonly { readonly partition: number }[]): void {
    this.lines.push(`lost ${shown(partitions)}`);
  }

  changed(): void {
    // Asked, where a test wants to know.
  }

  failed(error: unknown): void {
    this.failure = error;
    this.lines.push(`failed ${error instanceof Error ? error.message : error}`);
  }
}

function shown(partitions: readonly { readonly partition: number }[]): string {
  return partitions.map(({ partition }) => partition).join(',');
}
