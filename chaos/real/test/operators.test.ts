/** What operators ask of servers: a refusal is none of their doing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NatsServer, startNats } from '@troupe/fabric/servers';
import { connect } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Operators } from '../src/cluster/operators.ts';
import { ServerMember } from '../src/cluster/server-member.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-operators-'));
let server: NatsServer;
let operators: Operators;

beforeAll(async () => {
  server = await startNats({ dataDir: folder });
  const member = { name: 'nats1', role: 'nats', machine: undefined } as const;
  operators = new Operators([], [new ServerMember(member, server, () => undefined)]);
}, 60_000);
afterAll(async () => {
  await operators.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

it('a stream whose leader stays is not told to have moved', async () => {
  const connection = await connect({ servers: server.url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: 'alone', subjects: ['alone'] });
  await connection.close();
  await expect(operators.moveStream('alone')).rejects.toThrow('alone keeps its leader');
});
