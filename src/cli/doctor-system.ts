/** What `doctor` asks the system: whether the addresses can be had and reached, and how many files may be open. */
import { brokerFolder } from '../cluster/layout.ts';
import { readOwnerRecord } from '../cluster/owner-record.ts';
import { readFileIfThere } from '../log/atomic-file.ts';
import type { Diagnosis, Examined } from './doctor.ts';
import { BROKER_ID } from './find-broker.ts';
import { decideListen, isLoopback } from './listen-address.ts';
import { formatAddress } from './target.ts';

const CONNECT_MS = 2000;
/** For sockets, indexes and what a process has anyway. */
const OTHER_FILES = 256;
/** The broker keeps no more files of logs open than this. */
const LOG_FILES_OPEN_MAX = 576;
/** What a system says of a host that is there, but where nobody listens yet. */
const REFUSED = 'ECONNREFUSED';

export async function checkListeners(examined: Examined): Promise<readonly Diagnosis[]> {
  const { directory, host, command } = examined;
  const check = 'listeners';
  const owner = await readOwnerRecord(host.env, directory, BROKER_ID).catch(() => undefined);
  const isServed = owner?.command === 'serve' && !owner.released && host.env.proc.judge(owner.process) === 'alive';
  if (isServed) return Promise.all(owner.endpoints.map((endpoint) => reached(examined, endpoint, true)));
  const listen = decideListen({ ...command, insecureListen: true });
  const found: Diagnosis[] = [];
  for (const address of listen.addresses) {
    found.push(await bound(examined, address));
    if (isLoopback(address.host)) continue;
    const text = `${formatAddress(address)}: whoever reaches it reads and writes everything, there is no authentication yet`;
    found.push({ check, status: 'warn', text });
    if (listen.advertise !== undefined && isLoopback(listen.advertise.host)) {
      const told = `clients elsewhere are told ${formatAddress(listen.advertise)}, which is their own machine`;
      found.push({ check, status: 'fail', text: told });
    }
  }
  const { advertise } = listen;
  if (advertise !== undefined && !isLoopback(advertise.host)) found.push(await reached(examined, advertise, false));
  return found;
}

async function bound(
  { host }: Examined,
  address: { readonly host: string; readonly port: number; readonly optional: boolean },
): Promise<Diagnosis> {
  const check = 'listeners';
  const name = formatAddress(address);
  try {
    const listener = await host.env.net.listen(address, (socket) => socket.destroy());
    await listener.close();
    return { check, status: 'ok', text: `${name} is free` };
  } catch (error) {
    const code = codeOf(error);
    if (address.optional && code !== 'EADDRINUSE') {
      return { check, status: 'ok', text: `${name} is not there on this machine, and is left out` };
    }
    const text =
      code === 'EADDRINUSE' ? `${name} is taken: another program listens there` : `${name}: ${String(error)}`;
    return { check, status: 'fail', text };
  }
}

async function reached(
  { host }: Examined,
  address: { readonly host: string; readonly port: number },
  isServed: boolean,
): Promise<Diagnosis> {
  const check = 'listeners';
  const name = formatAddress(address);
  try {
    const socket = await host.env.net.connect({ host: address.host, port: address.port }, CONNECT_MS);
    socket.destroy();
    return { check, status: 'ok', text: `${name} answers` };
  } catch (error) {
    const isThere = codeOf(error) === REFUSED;
    if (isThere && !isServed) return { check, status: 'ok', text: `${name} leads to a machine` };
    const text = `clients are told ${name}, and that cannot be reached from here: ${codeOf(error) ?? String(error)}`;
    return { check, status: isServed ? 'fail' : 'warn', text };
  }
}

/** Linux alone tells it in a file. */
export async function checkOpenFiles({ directory, host }: Examined): Promise<Diagnosis> {
  const check = 'open files';
  const { disk } = host.env;
  const limits = await readFileIfThere(disk, '/proc/self/limits').catch(() => undefined);
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits?.toString() ?? '')?.[1];
  if (soft === undefined) return { check, status: 'ok', text: 'the system does not tell its limit' };
  const folder = `${brokerFolder(directory, BROKER_ID)}/log`;
  const names = (await disk.stat(folder)) === undefined ? [] : await disk.list(folder);
  const partitions = names.filter((name) => /-\d+$/.test(name)).length;
  const wanted = OTHER_FILES + Math.min(partitions, LOG_FILES_OPEN_MAX);
  const text = `ulimit -n is ${soft}; ${partitions} partitions and a connection each for clients`;
  if (soft === 'unlimited' || Number(soft) >= wanted + 1024) return { check, status: 'ok', text };
  const status = Number(soft) < wanted ? 'fail' : 'warn';
  return { check, status, text: `${text}: raise it to ${wanted + 1024} or more` };
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
