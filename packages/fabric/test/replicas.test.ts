import { type Fabric, type Logs, openFabric, silentLogger } from '@troupe/fabric';
import { decode, encode, logName } from '@troupe/model';
import { connect } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { noReplicasHere, ThreeServers } from './three-servers.ts';

const missing = await noReplicasHere();
const servers = new ThreeServers();
beforeAll(async () => {
  if (missing === undefined) await servers.start();
}, 60_000);
afterEach(() => servers.closeAll());
afterAll(() => servers.stop());

const log = logName('turns-n1_aaaaaaaa');
const opening = encode({ opened: 1 });

async function bodies(logs: Logs): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const record of logs.read(log, 2)) found.push(decode(record.body));
  return found;
}

/** The server that leads the stream of the log; asked until there is one. */
async function leaderOf({ names }: Fabric) {
  const client = await connect({ servers: servers.nats.map(({ url }) => url) });
  const manager = await client.jetstreamManager({ checkAPI: false });
  for (;;) {
    const info = await manager.streams.info(names.logStream(log)).catch(() => undefined);
    const server = servers.nats.find(({ name }) => name === info?.cluster?.leader);
    if (server === undefined) continue;
    await client.close();
    expect(info?.config.num_replicas).toBe(3);
    return server;
  }
}

const title = missing === undefined ? 'three replicas' : `three replicas: ${missing}`;

describe.skipIf(missing !== undefined)(title, () => {
  test('hold a log: one record for each position, and nothing after its seal', async () => {
    const config = servers.config();
    const { logs } = await servers.open('w', config);
    await logs.create(log, opening);
    await logs.create(log, opening);
    const [one, other] = await Promise.all([logs.writer(log), logs.writer(log)]);
    expect(await one.append([encode('a'), encode('b')])).toBe(3);
    await expect(other.append([encode('c')])).rejects.toMatchObject({ code: 'DEPOSED' });
    const elsewhere = await servers.open('s', config);
    expect(await elsewhere.logs.seal(log, encode('sealed'))).toBe(4);
    expect(await logs.seal(log, encode('again'))).toBe(4);
    await expect(one.append([encode('d')])).rejects.toMatchObject({ code: 'DEPOSED' });
    expect(await bodies(elsewhere.logs)).toEqual(['a', 'b', 'sealed']);
    await elsewhere.logs.trim(log, 3);
    expect(await bodies(elsewhere.logs)).toEqual(['b', 'sealed']);
    await elsewhere.logs.delete(log);
    expect(await logs.list()).toEqual([]);
  });

  /** Bites when an append of unknown outcome is taken for lost, or for stored. */
  test('lose no acknowledged record and double none, whichever server is killed', async () => {
    const config = servers.config();
    const fabric = await servers.open('w', config);
    const { logs } = fabric;
    await logs.create(log, opening);
    const writer = await logs.writer(log);
    const acknowledged: string[] = [];
    for (let kill = 0; kill < 4; kill++) {
      const victim = kill === 3 ? servers.nats[0] : await leaderOf(fabric);
      if (victim === undefined) throw new Error();
      let back: Promise<void> | undefined;
      for (let count = 0; count < 120; count++) {
        if (count === 40) {
          victim.kill('SIGKILL');
          back = victim.exited.then(() => undefined);
        }
        const body = `record ${kill}.${count}`;
        expect(await writer.append([encode(body)])).toBe(acknowledged.length + 2);
        acknowledged.push(body);
      }
      await back;
      await victim.restart();
    }
    expect(await bodies(logs)).toEqual(acknowledged);
  }, 120_000);

  /** As when a server that was cut off is asked first, which does not know the newest logs. */
  test('a log that is not known yet is looked for again before it is called lost', async () => {
    const config = servers.config();
    const [asking, making] = [await servers.open('a', config), await servers.open('m', config)];
    const asked = asking.logs.end(log);
    await making.logs.create(log, opening);
    expect(await asked).toBeLessThanOrEqual(1);
    const never = asking.logs.end(logName('turns-n9_aaaaaaaa'));
    await expect(never).rejects.toThrow(/does not exist/);
  });

  test('append on while the server that leads the log stands still', async () => {
    const fabric = await servers.open();
    const { logs } = fabric;
    await logs.create(log, opening);
    const writer = await logs.writer(log);
    await writer.append([encode('before')]);
    const frozen = await leaderOf(fabric);
    frozen.kill('SIGSTOP');
    expect(await writer.append([encode('meanwhile')])).toBe(3);
    frozen.kill('SIGCONT');
    // Whatever the frozen one still held of the first try is refused.
    expect(await writer.append([encode('after')])).toBe(4);
    expect(await bodies(logs)).toEqual(['before', 'meanwhile', 'after']);
  }, 60_000);

  test('make a log and take a seal while one of the servers is gone', async () => {
    const fabric = await servers.open();
    const { logs } = fabric;
    const [, gone] = servers.nats;
    gone?.kill('SIGKILL');
    await logs.create(log, opening);
    const writer = await logs.writer(log);
    expect(await writer.append([encode('a')])).toBe(2);
    expect(await logs.seal(log, encode('sealed'))).toBe(3);
    await expect(writer.append([encode('b')])).rejects.toMatchObject({ code: 'DEPOSED' });
    await gone?.restart();
  }, 60_000);

  test('hold checkpoints and objects through the death of any one server', async () => {
    const config = servers.config();
    const { checkpoints, objects } = await servers.open('w', config);
    const large = new Uint8Array(1_500_000).fill(7);
    let revision = (await checkpoints.put('counter/1', encode(0), 0)) ?? 0;
    const hash = await objects.put(large);
    for (const [index, server] of servers.nats.entries()) {
      server.kill('SIGKILL');
      const next = await checkpoints.put('counter/1', encode(index + 1), revision);
      expect(next, 'P1: nobody else has written').toBeGreaterThan(revision);
      expect(await checkpoints.put('counter/1', encode('late'), revision)).toBeUndefined();
      revision = next ?? 0;
      expect(Buffer.from(await objects.get(hash)).equals(large)).toBe(true);
      await server.restart();
    }
    const reader = await servers.open('r', config);
    const last = await reader.checkpoints.get('counter/1');
    expect(last && decode(last.body)).toBe(3);
    await objects.delete(hash);
    expect(await reader.objects.has(hash)).toBe(false);
  }, 120_000);

  test('are not taken for granted where a cell was made with one', async () => {
    const one = servers.config(1);
    await (await servers.open('w', one)).close();
    const start = openFabric({ config: { ...one, replicas: 3 }, name: 'w', logger: silentLogger });
    const refusal = { code: 'CONFIG_INVALID', details: { key: 'replicas' } };
    await expect(start).rejects.toMatchObject(refusal);
  });
});
