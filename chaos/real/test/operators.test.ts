/** What operators ask of servers: a refusal is none of their doing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '@troupe/fabric';
import { type NatsServer, startNats } from '@troupe/fabric/servers';
import { connect, headers as natsHeaders } from 'nats';
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

it('of a checkpoint one bit is flipped, and nothing else is changed', async () => {
  const connection = await connect({ servers: server.url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: 'cell_checkpoints', subjects: ['cell.checkpoint.*'] });
  const subject = `cell.checkpoint.${sha256('default/Ledger/a')}`;
  const headers = natsHeaders();
  headers.set('sum', '7');
  const stored = Uint8Array.from([1, 2, 3, 4, 5]);
  await connection.jetstream().publish(subject, stored, { headers, expect: { lastSequence: 0 } });
  await operators.flipCheckpoint('default/Ledger/a');
  const found = await manager.streams.getMessage('cell_checkpoints', { last_by_subj: subject });
  expect([found.seq, found.header.get('sum'), [...found.data]]).toEqual([2, '7', [1, 2, 2, 4, 5]]);
  await connection.close();
});
