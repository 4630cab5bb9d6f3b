/**
 * A client that asks again and again for one batch somewhere in the log, and checks what each answer must fulfil: the high
 * watermark never goes back (I-7), nor does the log start (I-10), log start <= LSO <= high watermark (I-8), a fetch from the middle of a batch brings that
 * whole batch (I-11), and what was once below the high watermark can be read.
 */
import { openDirectoryTransport } from '../../../src/cli/directory-transport.ts';
import { ConnectionLost, Unreachable } from '../../../src/client/client-error.ts';
import type { Transport } from '../../../src/client/transport.ts';
import { ANY_NODE } from '../../../src/client/transport.ts';
import { Fetch } from '../../../src/protocol/apis/01-fetch.ts';
import { errorCode } from '../../../src/protocol/errors.ts';
import type { SimMachine, SimProgram } from '../sim-machine.ts';
import { DIRECTORY, spawnCommand, TOPIC } from './commands.ts';

/** The last version that names topics. */
const FETCH_VERSION = 12;
const REQUEST_MS = 5000;

/** What probes have seen, over the lives of several of them. */
export interface Probed {
  /** The highest high watermark shown, by partition. */
  readonly highWatermarks: number[];
  /** The highest log start shown, by partition. */
  readonly logStarts: number[];
  /** The highest offset below the high watermark that was out of range, where records are deleted; it must lie before the start. */
  readonly outOfRange?: number[];
  /** Whose answers are not judged. */
  excusedPids?: ReadonlySet<number>;
  answers: number;
}

/** `onAnswer` is called for each answer without an error. */
export function probe(
  machine: SimMachine,
  probed: Probed,
  partitions: number,
  onAnswer: () => void = () => undefined,
): SimProgram {
  return spawnCommand(machine, 'probe', async (_host, { env, process, stdio }) => {
    let isOver = false;
    env.proc.onSignal('SIGTERM', () => {
      isOver = true;
    });
    const transport = await openDirectoryTransport(env, {
      directory: DIRECTORY,
      command: 'probe',
      timeoutMs: 0,
      createDirectory: false,
      note: (text) => stdio.note(text),
    });
    const isExcused = (): boolean => process.isDead || probed.excusedPids?.has(process.pid) === true;
    while (!isOver) {
      const partition = Math.floor(env.random.fraction() * partitions);
      const start = probed.logStarts[partition] ?? 0;
      const offset = start + Math.floor(env.random.fraction() * ((probed.highWatermarks[partition] ?? 0) - start));
      const answersBefore = probed.answers;
      const problem = await ask(transport, probed, partition, offset, isExcused);
      if (problem !== undefined && !process.isDead) machine.world.violate(...problem);
      if (probed.answers > answersBefore) onAnswer();
      await env.clock.sleep(env.random.fraction() * 400);
    }
    await transport.close();
    return 0;
  });
}

async function ask(
  transport: Transport,
  probed: Probed,
  partition: number,
  offset: number,
  isExcused: () => boolean,
): Promise<[rule: string, text: string] | undefined> {
  try {
    const request = {
      clusterId: null,
      replicaId: -1,
      replicaState: { replicaId: -1, replicaEpoch: -1n },
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 100,
      isolationLevel: 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics: [
        {
          topic: TOPIC,
          topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
          partitions: [
            {
              partition,
              currentLeaderEpoch: -1,
              fetchOffset: BigInt(offset),
              lastFetchedEpoch: -1,
              logStartOffset: -1n,
              partitionMaxBytes: 100,
              replicaDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA',
              highWatermark: 0x7fffffffffffffffn,
            },
          ],
        },
      ],
      forgottenTopicsData: [],
      rackId: '',
    };
    const reply = await transport.request(ANY_NODE, Fetch, FETCH_VERSION, request, REQUEST_MS);
    const answer = reply.message.responses[0]?.partitions[0];
    const slices = (answer?.records ?? []).map((slice) => Buffer.from(slice));
    reply.release();
    if (answer === undefined || isExcused()) return undefined;
    return judgeAnswer(probed, partition, offset, { ...answer, records: Buffer.concat(slices) });
  } catch (error) {
    if (error instanceof ConnectionLost || error instanceof Unreachable) return undefined;
    throw error;
  }
}

interface Answer {
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly records: Buffer;
}

function judgeAnswer(probed: Probed, partition: number, offset: number, answer: Answer): [string, string] | undefined {
  const where = `partition ${partition}`;
  const shown = probed.highWatermarks[partition] ?? 0;
  if (answer.errorCode === errorCode('OFFSET_OUT_OF_RANGE')) {
    if (probed.outOfRange !== undefined) {
      probed.outOfRange[partition] = Math.max(probed.outOfRange[partition] ?? -1, offset);
      return undefined;
    }
    return ['I-7', `${where}: offset ${offset} is out of range, and the high watermark was ${shown}`];
  }
  if (answer.errorCode !== 0) return undefined;
  probed.answers++;
  const [start, stable, high] = [answer.logStartOffset, answer.lastStableOffset, answer.highWatermark].map(Number) as [
    number,
    number,
    number,
  ];
  if (high < shown) return ['I-7', `${where}: high watermark ${high} after ${shown}`];
  if (!(start <= stable && stable <= high)) return ['I-8', `${where}: start ${start}, LSO ${stable}, HW ${high}`];
  probed.highWatermarks[partition] = high;
  const startBefore = probed.logStarts[partition] ?? 0;
  if (start < startBefore) return ['I-10', `${where}: log start ${start} after ${startBefore}`];
  probed.logStarts[partition] = start;
  if (offset >= high) return undefined;
  const { records } = answer;
  if (records.length < 61) return ['I-11', `${where}: nothing at offset ${offset}, below the high watermark ${high}`];
  const base = Number(records.readBigInt64BE(0));
  const last = base + records.readInt32BE(23);
  const isWhole = records.length >= 12 + records.readInt32BE(8);
  if (base > offset || last < offset || !isWhole) {
    return ['I-11', `${where}: asked for ${offset}, got ${isWhole ? 'a' : 'half a'} batch of ${base} to ${last}`];
  }
  return undefined;
}
