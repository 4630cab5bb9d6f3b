/** Requests that no command of ours makes, each in a process of its own that came by directory. */
import { openDirectoryTransport } from '../../../src/cli/directory-transport.ts';
import { ConnectionLost, Unreachable } from '../../../src/client/client-error.ts';
import { ANY_NODE, type Transport } from '../../../src/client/transport.ts';
import type { Env } from '../../../src/kernel/env.ts';
import { DeleteRecords } from '../../../src/protocol/apis/21-delete-records.ts';
import { IncrementalAlterConfigs } from '../../../src/protocol/apis/44-incremental-alter-configs.ts';
import type { SimMachine, SimProgram } from '../sim-machine.ts';
import type { SimStdio } from '../sim-stdio.ts';
import { DIRECTORY, spawnCommand, TOPIC } from './commands.ts';

const REQUEST_MS = 20_000;
const TOPIC_RESOURCE = 2;
const BROKER_RESOURCE = 4;

/** A client without a core: `work` gets what a core would get. */
export function spawnClient(
  machine: SimMachine,
  name: string,
  work: (transport: Transport, program: SimProgram) => Promise<number>,
): SimProgram {
  return spawnCommand(machine, name, async (_host, program) => {
    const transport = await openTransport(program.env, name, program.stdio);
    try {
      return await work(transport, program);
    } finally {
      await transport.close();
    }
  });
}

function openTransport(env: Env, command: string, stdio: SimStdio): Promise<Transport> {
  return openDirectoryTransport(env, {
    directory: DIRECTORY,
    command,
    timeoutMs: 0,
    createDirectory: false,
    allowNetworkFs: false,
    note: (text) => stdio.note(text),
  });
}

/** Whether nobody answered, so that what was asked for may have been done or not. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof ConnectionLost || error instanceof Unreachable;
}

/** Asks once; `onAnswer` gets the partition's new start, or the error code. Exit status 1 without an answer. */
export function deleteRecords(
  machine: SimMachine,
  partition: number,
  beforeOffset: number,
  onAnswer: (answer: { errorCode: number; lowWatermark: number }) => void,
): SimProgram {
  return spawnClient(machine, 'delete-records', async (transport, { process }) => {
    try {
      const topics = [{ name: TOPIC, partitions: [{ partitionIndex: partition, offset: BigInt(beforeOffset) }] }];
      const message = { topics, timeoutMs: REQUEST_MS };
      const reply = await transport.request(ANY_NODE, DeleteRecords, 2, message, REQUEST_MS);
      const answer = reply.message.topics[0]?.partitions[0];
      reply.release();
      if (answer === undefined || process.isDead) return 1;
      onAnswer({ errorCode: answer.errorCode, lowWatermark: Number(answer.lowWatermark) });
      return answer.errorCode === 0 ? 0 : 1;
    } catch (error) {
      if (isUnanswered(error)) return 1;
      throw error;
    }
  });
}

/** Sets one config, of a topic or of all brokers. */
export function alterConfig(
  machine: SimMachine,
  of: 'topic' | 'brokers',
  name: string,
  value: string,
  topic = TOPIC,
): SimProgram {
  return spawnClient(machine, 'alter-config', async (transport) => {
    try {
      const resource = {
        resourceType: of === 'topic' ? TOPIC_RESOURCE : BROKER_RESOURCE,
        resourceName: of === 'topic' ? topic : '',
        configs: [{ name, configOperation: 0, value }],
      };
      const message = { resources: [resource], validateOnly: false };
      const reply = await transport.request(ANY_NODE, IncrementalAlterConfigs, 1, message, REQUEST_MS);
      reply.release();
      return reply.message.responses[0]?.errorCode === 0 ? 0 : 1;
    } catch (error) {
      if (isUnanswered(error)) return 1;
      throw error;
    }
  });
}
