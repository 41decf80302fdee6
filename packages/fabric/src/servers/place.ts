/**
 * Where a member of a cluster of servers runs, and on which ports.
 *
 * L1  a member keeps its ports for the life of its data: the others know it by them.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { freePort } from './ports.ts';

/** A machine, or what stands for one. */
export interface Place {
  /** The address that clients and the other members reach it at; it must be reachable from here. */
  readonly host: string;
  /** Goes before the program and becomes it, such as `ip netns exec NAME`: the pid stays. */
  readonly prefix?: readonly string[];
}

export interface MemberPorts {
  /** For clients. */
  readonly client: number;
  /** For the other members. */
  readonly peer: number;
}

const stored = z.object({ client: z.number().int(), peer: z.number().int() });

/**
 * The standard ports where the place has an address of its own behind a prefix; free ones where
 * several may share an address. Those of an earlier start on the same data are taken again (L1).
 */
export async function memberPorts(
  place: Place,
  dataDir: string,
  standard: MemberPorts,
): Promise<MemberPorts> {
  if (place.prefix !== undefined && !place.host.startsWith('127.')) return standard;
  const file = join(dataDir, 'ports.json');
  if (existsSync(file)) return stored.parse(JSON.parse(readFileSync(file, 'utf8')));
  const ports = { client: await freePort(place.host), peer: await freePort(place.host) };
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(file, `${JSON.stringify(ports)}\n`);
  return ports;
}

/** Every start together: a member answers only when enough of the others run. */
export async function startTogether<S extends { stop(): Promise<unknown> }>(
  starts: readonly Promise<S>[],
): Promise<readonly S[]> {
  const settled = await Promise.allSettled(starts);
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed === undefined) {
    return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }
  await Promise.all(settled.map((one) => one.status === 'fulfilled' && one.value.stop()));
  throw failed.reason;
}
