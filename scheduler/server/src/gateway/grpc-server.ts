/** The gRPC server of a gateway: services, health, reflection, limits, and its orderly end. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { limits, troupeError } from '@troupe/model';
import { HealthImplementation } from 'grpc-health-check';
import { actorsService } from './actors-service.ts';
import { checkpointsService } from './checkpoints-service.ts';
import { clusterService, type ProcessCounts } from './cluster-service.ts';
import { deploymentsService } from './deployments-service.ts';
import type { Gateway } from './gateway.ts';
import { objectsService } from './large-values.ts';
import { runsService } from './runs-service.ts';
import { scopesService } from './scopes-service.ts';
import type { SessionCall } from './session-stream.ts';
import { tasksService } from './tasks-service.ts';
import { packageDefinition, serviceDefinition, serviceNames } from './wire.ts';

/** A batch of calls in one message: payloads are bounded one by one by `payloadBytesMax`. */
const receiveBytesMax = 32 * limits.payloadBytesMax;
/** A whole output twice, as msgpack and as JSON, which may be longer. */
const sendBytesMax = 4 * limits.resolvedBytesMax;

export interface Door {
  /** `host:port` as bound. */
  readonly address: string;
  /** Health answers NOT_SERVING from now on. */
  notServing(): void;
  /** Ends every stream, after at most `limitMs`. */
  close(limitMs: number): Promise<void>;
}

/** Fails with `PORT_IN_USE` naming the port. */
export async function openDoor(
  listen: string,
  gateway: Gateway,
  processCounts: ProcessCounts,
): Promise<Door> {
  const server = new Server({
    'grpc.max_receive_message_length': receiveBytesMax,
    'grpc.max_send_message_length': sendBytesMax,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.enable_channelz': 0,
  });
  server.addService(serviceDefinition('SessionService'), {
    Open: (call: SessionCall) => gateway.openStream(call),
  });
  server.addService(serviceDefinition('ActorsService'), actorsService(gateway));
  server.addService(serviceDefinition('TasksService'), tasksService(gateway));
  server.addService(serviceDefinition('RunsService'), runsService(gateway));
  server.addService(serviceDefinition('ScopesService'), scopesService(gateway));
  server.addService(serviceDefinition('CheckpointsService'), checkpointsService(gateway));
  server.addService(serviceDefinition('DeploymentsService'), deploymentsService(gateway));
  server.addService(serviceDefinition('ClusterService'), clusterService(gateway, processCounts));
  server.addService(serviceDefinition('ObjectsService'), objectsService(gateway));
  const served = ['', ...serviceNames.map((name) => `troupe.v1.${name}`)];
  const health = new HealthImplementation();
  for (const name of served) health.setStatus(name, 'SERVING');
  health.addToServer(server);
  new ReflectionService(packageDefinition).addToServer(server);
  const port = await bound(server, listen);
  return {
    address: `${listen.slice(0, listen.lastIndexOf(':'))}:${port}`,
    notServing() {
      for (const name of served) health.setStatus(name, 'NOT_SERVING');
    },
    async close(limitMs) {
      await gateway.drain(limitMs);
      await new Promise<void>((resolve) => {
        // Clients that hold a connection, and unary calls still waiting, are not waited for.
        const timer = setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, 200);
        server.tryShutdown(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}

function bound(server: Server, listen: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(listen, ServerCredentials.createInsecure(), (reason, port) => {
      if (reason === null) return resolve(port);
      const taken = /EADDRINUSE|No address added/.test(reason.message);
      const code = taken ? 'PORT_IN_USE' : 'CONFIG_INVALID';
      const what = taken ? 'is in use' : `cannot be listened on (${reason.message})`;
      const text = `address ${listen} ${what}`;
      reject(troupeError(code, text, { address: listen }, reason));
    });
  });
}
