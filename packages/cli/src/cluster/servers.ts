/**
 * The pair of servers under a cluster: started here, or given. A restart keeps port and data, so
 * that clients find the same server again.
 */
import { join } from 'node:path';
import { startEtcd, startNats } from '@troupe/fabric/servers';
import { troupeError } from '@troupe/model';
import type { Guard } from './guard.ts';
import type { EtcdAddress, Exit, NatsAddress, Process, ServerAddresses } from './options.ts';

export interface Servers {
  readonly etcd: EtcdAddress;
  readonly nats: NatsAddress;
  /** Empty when the servers were given. */
  readonly processes: readonly Process[];
  restart(server: 'etcd' | 'nats', signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

/** What `@troupe/fabric/servers` gives. */
interface Handle {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  readonly exited: Promise<unknown>;
  kill(signal: NodeJS.Signals): unknown;
  stop(): Promise<unknown>;
}

interface Running<H extends Handle> {
  handle: H;
  process: Process;
  start(port: number): Promise<H>;
}

export interface ServerStart {
  readonly dataDir: string;
  readonly logDir: string;
  readonly guard: Guard;
  readonly onProgress: (line: string) => void;
}

export function givenServers(given: ServerAddresses): Servers {
  return {
    etcd: given.etcd,
    nats: given.nats,
    processes: [],
    restart: async (server) => {
      throw troupeError('WRONG_STATE', `${server} was not started by this cluster`);
    },
    stop: async () => undefined,
  };
}

export async function startServers(start: ServerStart): Promise<Servers> {
  const [etcdStart, natsStart] = await Promise.allSettled([
    run('etcd', start, (port) => startEtcd({ ...place('etcd', start), ...portOf(port) })),
    run('nats', start, (port) =>
      startNats({ ...place('nats', start), ...portOf(port), syncInterval: 'always' }),
    ),
  ]);
  if (etcdStart.status === 'rejected' || natsStart.status === 'rejected') {
    for (const one of [etcdStart, natsStart]) {
      if (one.status === 'fulfilled') await one.value.handle.stop();
    }
    throw etcdStart.status === 'rejected' ? etcdStart.reason : Object(natsStart).reason;
  }
  const [etcd, nats] = [etcdStart.value, natsStart.value];
  return {
    get etcd() {
      return etcd.handle;
    },
    get nats() {
      return nats.handle;
    },
    get processes() {
      return [etcd.process, nats.process];
    },
    async restart(server, signal) {
      await again(server, server === 'etcd' ? etcd : nats, signal, start);
    },
    async stop() {
      await nats.handle.stop();
      await etcd.handle.stop();
    },
  };
}

function place(server: 'etcd' | 'nats', start: ServerStart) {
  return { dataDir: join(start.dataDir, server), logFile: join(start.logDir, `${server}.log`) };
}

function portOf(port: number): { port?: number } {
  return port === 0 ? {} : { port };
}

async function run<H extends Handle>(
  server: 'etcd' | 'nats',
  start: ServerStart,
  begin: (port: number) => Promise<H>,
): Promise<Running<H>> {
  const handle = await begin(0);
  return { handle, process: follow(server, handle, start), start: begin };
}

async function again<H extends Handle>(
  server: 'etcd' | 'nats',
  running: Running<H>,
  signal: NodeJS.Signals,
  start: ServerStart,
): Promise<void> {
  const port = running.handle.port;
  running.process.kill(signal);
  await running.handle.exited;
  running.handle = await running.start(port);
  running.process = follow(server, running.handle, start);
}

/** The server as one of the cluster's processes, under the guard. */
function follow(server: 'etcd' | 'nats', handle: Handle, start: ServerStart): Process {
  start.guard.watch(handle.pid);
  start.onProgress(`${server} is ready at ${handle.url}`);
  const state = { running: true };
  const exited = handle.exited.then((exit) => {
    state.running = false;
    start.guard.forget(handle.pid);
    return exitOf(exit);
  });
  return {
    name: server,
    kind: server,
    pid: handle.pid,
    get running() {
      return state.running;
    },
    exited,
    log: place(server, start).logFile,
    kill: (signal = 'SIGTERM') => {
      if (state.running) handle.kill(signal);
    },
  };
}

function exitOf(exit: unknown): Exit {
  if (typeof exit !== 'object' || exit === null) return { code: null, signal: null };
  return {
    code: 'code' in exit && typeof exit.code === 'number' ? exit.code : null,
    signal: 'signal' in exit && typeof exit.signal === 'string' ? exit.signal : null,
  };
}
