/**
 * The pair of servers under a cluster: started here, or given. A restart keeps port and data, so
 * that clients find the same server again.
 */
import { join } from 'node:path';
import { type Server, startEtcd, startNats } from '@troupe/fabric/servers';
import { troupeError } from '@troupe/model';
import type { Guard } from './guard.ts';
import type { EtcdAddress, NatsAddress, Process, ServerAddresses } from './options.ts';

export interface Servers {
  readonly etcd: EtcdAddress;
  readonly nats: NatsAddress;
  /** Empty when the servers were given. */
  readonly processes: readonly Process[];
  restart(server: 'etcd' | 'nats', signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

interface Running<S extends Server> {
  readonly server: S;
  process: Process;
}

export interface ServerStart {
  readonly dataDir: string;
  readonly logDir: string;
  readonly guard: Guard;
  /** Address that both listen on; loopback when absent. */
  readonly host?: string;
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
    startEtcd(place('etcd', start)),
    startNats({ ...place('nats', start), syncInterval: 'always' }),
  ]);
  if (etcdStart.status === 'rejected' || natsStart.status === 'rejected') {
    const reasons: unknown[] = [];
    for (const one of [etcdStart, natsStart]) {
      if (one.status === 'fulfilled') await one.value.stop();
      else reasons.push(one.reason);
    }
    throw reasons[0];
  }
  const etcd = running('etcd', etcdStart.value, start);
  const nats = running('nats', natsStart.value, start);
  return {
    etcd: etcd.server,
    nats: nats.server,
    get processes() {
      return [etcd.process, nats.process];
    },
    async restart(name, signal) {
      const one = name === 'etcd' ? etcd : nats;
      one.process.kill(signal);
      await one.process.exited;
      await one.server.restart();
      one.process = follow(name, one.server, start);
    },
    async stop() {
      await nats.server.stop();
      await etcd.server.stop();
    },
  };
}

function place(name: 'etcd' | 'nats', start: ServerStart) {
  return {
    dataDir: join(start.dataDir, name),
    logFile: join(start.logDir, `${name}.log`),
    ...(start.host === undefined ? {} : { host: start.host }),
  };
}

function running<S extends Server>(
  name: 'etcd' | 'nats',
  server: S,
  start: ServerStart,
): Running<S> {
  return { server, process: follow(name, server, start) };
}

/** This start of the server as one of the cluster's processes, under the guard. */
function follow(name: 'etcd' | 'nats', server: Server, start: ServerStart): Process {
  const { pid, logFile } = server;
  start.guard.watch(pid);
  start.onProgress(`${name} is ready at ${server.url}`);
  const state = { running: true };
  const exited = server.exited.then((exit) => {
    state.running = false;
    start.guard.forget(pid);
    return exit;
  });
  return {
    name,
    kind: name,
    pid,
    get running() {
      return state.running;
    },
    exited,
    log: logFile,
    kill: (signal = 'SIGTERM') => {
      if (state.running) server.kill(signal);
    },
  };
}
