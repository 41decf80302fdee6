/** What the proxy does to links, seen from both of their ends. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NatsProxy } from '../src/cluster/nats-proxy.ts';

let server: Server;
let proxy: NatsProxy;
let accepted: Promise<Socket>;

beforeEach(async () => {
  server = createServer();
  accepted = new Promise((resolve) => server.once('connection', resolve));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = await NatsProxy.open(`nats://127.0.0.1:${address.port}`);
});

afterEach(async () => {
  await proxy.close();
  server.close();
});

/** A client that has introduced itself as NATS clients do, and the server's end of its link. */
async function linkOf(name: string) {
  const url = new URL(proxy.url);
  const client = connect({ host: url.hostname, port: Number(url.port) });
  client.on('error', () => undefined);
  const far = await accepted;
  far.on('error', () => undefined);
  client.write(`CONNECT {"verbose":false,"name":"${name}.abc bus"}\r\n`);
  await once(far, 'data');
  return { client, far };
}

it('passes bytes on in both directions', async () => {
  const { client, far } = await linkOf('n1');
  far.write('PING');
  expect(String((await once(client, 'data'))[0])).toBe('PING');
});

it('resets the links of the process named, and no others', async () => {
  const { client, far } = await linkOf('n1');
  expect(proxy.reset('n2')).toBe(0);
  const closed = Promise.all(
    [client, far].map((end) => new Promise<void>((resolve) => end.once('close', () => resolve()))),
  );
  expect(proxy.reset('n1')).toBe(1);
  await closed;
});

it('holds back what goes the way that is cut, and brings it when the link has healed', async () => {
  const { client, far } = await linkOf('n1');
  proxy.cut('n1', ['to-server']);
  const arrived: string[] = [];
  far.on('data', (chunk: Buffer) => arrived.push(String(chunk)));
  client.write('held');
  // The other way is open.
  far.write('PING');
  await once(client, 'data');
  expect(arrived).toEqual([]);
  const healed = once(far, 'data');
  proxy.heal('n1');
  await healed;
  expect(arrived.join('')).toBe('held');
});

it('tells on how many links of a process it does something', async () => {
  await linkOf('n1');
  expect([proxy.cut('n1', ['to-server']), proxy.cut('n2', ['to-server'])]).toEqual([1, 0]);
  expect([proxy.slow('n1', 1), proxy.slow('n2', 1)]).toEqual([1, 0]);
});

it('makes a link slow', async () => {
  const { client, far } = await linkOf('n1');
  proxy.slow('n1', 120);
  const began = performance.now();
  client.write('late');
  await once(far, 'data');
  expect(performance.now() - began).toBeGreaterThan(110);
});
