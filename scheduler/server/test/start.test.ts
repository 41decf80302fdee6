import { createServer } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { freePort } from '@troupe/fabric/servers';
import { protoPath as healthProto } from 'grpc-health-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exitOf, type SchedulerProcess, startScheduler } from './scheduler-process.ts';
import { type Servers, startServers } from './servers.ts';

let servers: Servers;

beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());

// Each waits for its servers as long as a start may: side by side.
describe.concurrent('a scheduler does not start, and says why in one line', () => {
  test('when a key of its configuration is wrong: exit code 2, with the nearest key', async () => {
    const config = servers.config('wrong-key');
    const plan = { dir: servers.dir, name: 's1', config, scheduler: { lissten: 'x:1' } };
    const { code, said } = await exitOf(plan);
    expect(code).toBe(2);
    expect(said).toMatch(/^CONFIG_INVALID: .*scheduler\.lissten.*scheduler\.listen/);
    expect(said.trim().split('\n')).toHaveLength(1);
  });

  test('when etcd is not there: exit code 3', async () => {
    const port = await freePort();
    const config = { ...servers.config('no-etcd'), etcd: [`http://127.0.0.1:${port}`] };
    const { code, said } = await exitOf({ dir: servers.dir, name: 's1', config });
    expect(code).toBe(3);
    expect(said.trim().split('\n').at(-1)).toMatch(
      `ETCD_UNREACHABLE: etcd at http://127.0.0.1:${port}`,
    );
  });

  test('when NATS is not there: exit code 3', async () => {
    const url = `nats://127.0.0.1:${await freePort()}`;
    const config = { ...servers.config('no-nats'), nats: { servers: [url] } };
    const { code, said } = await exitOf({ dir: servers.dir, name: 's1', config });
    expect(code).toBe(3);
    expect(said.trim().split('\n').at(-1)).toMatch(`NATS_UNREACHABLE: NATS at ${url}`);
  });

  test('when its port is taken: exit code 2, naming the port', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => {
        const address = taken.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const config = servers.config('port');
    const listen = `127.0.0.1:${port}`;
    const { code, said } = await exitOf({
      dir: servers.dir,
      name: 's1',
      config,
      scheduler: { listen },
    });
    taken.close();
    expect(code).toBe(2);
    expect(said.trim().split('\n').at(-1)).toMatch(`PORT_IN_USE: address ${listen} is in use`);
  });
});

describe('a running scheduler', () => {
  let scheduler: SchedulerProcess;

  beforeAll(async () => {
    const config = servers.config('running');
    scheduler = await startScheduler({ dir: servers.dir, name: 's1', config });
  });
  afterAll(async () => {
    scheduler.kill('SIGKILL');
    await scheduler.exited;
  });

  test('tells any health checker that it serves', async () => {
    const loaded = loadSync(healthProto, { enums: String, defaults: true });
    const service = loaded['grpc.health.v1.Health'];
    if (service === undefined || 'format' in service) throw new Error('no health service');
    const { Check: check } = service;
    if (check === undefined) throw new Error('no check');
    const client = new Client(scheduler.address, credentials.createInsecure());
    const answer = await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        check.path,
        check.requestSerialize,
        check.responseDeserialize,
        { service: 'troupe.v1.SessionService' },
        { deadline: Date.now() + 5_000 },
        (error, response) => (error === null ? resolve(response) : reject(error)),
      );
    });
    client.close();
    expect(answer).toEqual({ status: 'SERVING' });
  });

  test('describes its services by reflection', async () => {
    const names = await reflectedServices(scheduler.address);
    expect(names).toEqual(
      expect.arrayContaining([
        'grpc.health.v1.Health',
        'troupe.v1.ActorsService',
        'troupe.v1.SessionService',
      ]),
    );
  });
});

/** What `grpcurl HOST list` does. */
function reflectedServices(address: string): Promise<string[]> {
  const client = new Client(address, credentials.createInsecure());
  // ServerReflectionRequest { list_services: "*" } by hand: field 7, one byte.
  const request = Buffer.from([0x3a, 0x01, 0x2a]);
  return new Promise((resolve, reject) => {
    const stream = client.makeBidiStreamRequest<Buffer, Buffer>(
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      (given) => given,
      (bytes) => bytes,
    );
    stream.on('error', reject);
    stream.on('data', (bytes: Buffer) => {
      stream.cancel();
      client.close();
      resolve(bytes.toString('latin1').match(/[a-z]+(?:\.[A-Za-z0-9]+)+/g) ?? []);
    });
    stream.write(request);
  });
}
