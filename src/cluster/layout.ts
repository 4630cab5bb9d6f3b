/**
 * Where everything of a cluster directory lies, and what its files look like. Only `brokers/<id>/log/` is Kafka's; all else
 * is ours and carries a format version, and an unknown version is refused before anything is written.
 *
 *     DIR/cluster.json                      {"crc":"<crc>","cluster":{"v":1,"clusterId":"<22 chars>"}}
 *     DIR/cluster/log/<20 digits>.json      {"crc":"<crc>","entry":{"v":1,"type":...,"uuid":...,...}}       entries.ts
 *     DIR/cluster/snapshot-<N>.json         {"crc":"<crc>","snapshot":{"v":1,"lastNumber":N,...}}           snapshot.ts
 *     DIR/cluster/reserve                   1 MiB of chance, given up when the disk is full                 reserve.ts
 *     DIR/cluster/controller.lock/          liveness lock: who should be controller
 *     DIR/brokers/<id>/alive.lock/          liveness lock: is broker <id> up
 *     DIR/brokers/<id>/owner.json           {"crc":"<crc>","owner":{"v":1,"brokerEpoch":...,...}}           owner-record.ts
 *     DIR/brokers/<id>/s-<brokerEpoch>      Unix socket of that registration
 *     DIR/brokers/<id>/log/                 Kafka's log dir (src/log)
 *     .tmp-<uuid>                           a file on its way to its name; whoever finds an old one removes it
 *
 * `<crc>` is 8 hexadecimal digits: CRC-32C of the text of the value after it, byte for byte as it stands in the file. The
 * numbers of the entries begin at 1 and have no gap; snapshot N holds all entries up to N, inclusive.
 */

/** The version of every format above. */
export const FORMAT_VERSION = 1;

const ENTRY_DIGITS = 20;

export function clusterFile(directory: string): string {
  return `${directory}/cluster.json`;
}

export function clusterFolder(directory: string): string {
  return `${directory}/cluster`;
}

export function entryFolder(directory: string): string {
  return `${directory}/cluster/log`;
}

export function entryFile(directory: string, number: number): string {
  return `${entryFolder(directory)}/${String(number).padStart(ENTRY_DIGITS, '0')}.json`;
}

/** The number of an entry file's name; undefined for any other name. */
export function entryNumber(name: string): number | undefined {
  return /^\d{20}\.json$/.test(name) ? Number(name.slice(0, ENTRY_DIGITS)) : undefined;
}

export function snapshotFile(directory: string, lastNumber: number): string {
  return `${clusterFolder(directory)}/snapshot-${lastNumber}.json`;
}

/** The last number held by the snapshot of that name; undefined for any other name. */
export function snapshotNumber(name: string): number | undefined {
  const digits = /^snapshot-(\d{1,16})\.json$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function reserveFile(directory: string): string {
  return `${clusterFolder(directory)}/reserve`;
}

export function controllerLock(directory: string): string {
  return `${clusterFolder(directory)}/controller.lock`;
}

export function brokersFolder(directory: string): string {
  return `${directory}/brokers`;
}

export function brokerFolder(directory: string, brokerId: number): string {
  return `${brokersFolder(directory)}/${brokerId}`;
}

/** Kafka's log dir of the broker. */
export function brokerLogFolder(directory: string, brokerId: number): string {
  return `${brokerFolder(directory, brokerId)}/log`;
}

export function aliveLock(directory: string, brokerId: number): string {
  return `${brokerFolder(directory, brokerId)}/alive.lock`;
}

export function ownerFile(directory: string, brokerId: number): string {
  return `${brokerFolder(directory, brokerId)}/owner.json`;
}

export function brokerSocket(directory: string, brokerId: number, brokerEpoch: number): string {
  return `${brokerFolder(directory, brokerId)}/s-${brokerEpoch}`;
}

/** The broker epoch in the name of a broker's Unix socket; undefined for any other name. */
export function socketEpoch(name: string): number | undefined {
  const digits = /^s-(\d{1,16})$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function temporaryFile(folder: string, uuid: string): string {
  return `${folder}/.tmp-${uuid}`;
}

export function isTemporaryName(name: string): boolean {
  return name.startsWith('.tmp-');
}
