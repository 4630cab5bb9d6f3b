/** `streamctl groups peek`: what a group reads next, without being in it and without a commit. */
import { consume } from '../client/consumer.ts';
import { groupLag, type PartitionLag } from '../client/group-offsets-lag.ts';
import type { RecordSink, RecordText } from '../client/record-view.ts';
import { documentOf, printDocument } from './document.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { CommonOptions } from './global-flags.ts';
import { checkGroupNames, withGroupAdmin } from './groups-admin.ts';
import type { Host } from './host.ts';
import { isChosen, type PlaceChoice } from './offsets-places.ts';
import { recordJson } from './record-json.ts';

export interface PeekCommand {
  readonly groupId: string;
  readonly places: readonly PlaceChoice[];
  /** Records of each partition. */
  readonly count: number;
  /** undefined: value and newline. */
  readonly sink: ((out: RecordText) => RecordSink) | undefined;
}

export async function runGroupsPeek(host: Host, common: CommonOptions, command: PeekCommand): Promise<ExitCode> {
  checkGroupNames([command.groupId]);
  return withGroupAdmin(host, common, async (admin) => {
    const { partitions } = await groupLag(admin, command.groupId, { times: false });
    const chunks: Buffer[] = [];
    const write = async (bytes: Uint8Array): Promise<void> => {
      if (common.json) chunks.push(Buffer.from(bytes));
      else await host.stdio.write(bytes);
    };
    const sink = common.json ? recordJson : command.sink;
    for (const place of partitions.filter((found) => isChosen(command.places, found))) {
      const range = unread(place);
      if (range === undefined) continue;
      await consume(
        host.env,
        admin.transport,
        {
          topics: [place.topic],
          partitions: [place.partition],
          start: { kind: 'offset', offset: range.from },
          until: { kind: 'offset', offset: range.to },
          maxRecords: command.count,
          exitAtEnd: true,
          isolation: 'read_committed',
          delimiter: Buffer.from('\n'),
          ...(sink === undefined ? {} : { sink }),
          onGap: 'earliest',
          timeoutMs: common.timeoutMs,
        },
        { write },
      );
    }
    if (!common.json) return EXIT.ok;
    const lines = Buffer.concat(chunks).toString('utf8').split('\n');
    const items = lines.filter((line) => line !== '').map((line): object => JSON.parse(line));
    return printDocument(host, common, documentOf('groups.peek', items), () => '');
  });
}

/** From where the group is, or where the log begins if that is later or nothing is committed. */
function unread({ committedOffset, logStartOffset, logEndOffset }: PartitionLag) {
  if (logStartOffset === null || logEndOffset === null) return undefined;
  const from = Math.max(committedOffset ?? 0, logStartOffset);
  return from < logEndOffset ? { from, to: logEndOffset } : undefined;
}
