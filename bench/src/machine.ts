/** What the figures were measured on. */
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import { findBinary } from '@troupe/fabric/servers';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly nats: string;
  readonly etcd: string;
  readonly date: string;
}

export async function machine(): Promise<Machine> {
  const firstLine = (file: string, argument: string) =>
    execFileSync(file, [argument], { encoding: 'utf8' }).split('\n')[0] ?? '';
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    nats: firstLine(await findBinary('nats-server'), '--version'),
    etcd: firstLine(await findBinary('etcd'), '--version'),
    date: new Date().toISOString().slice(0, 10),
  };
}
