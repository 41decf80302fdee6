/** The journal is trimmed behind an image while a scheduler that comes up is still reading it. */
import { type Fabric, openFabric, silentLogger } from '@troupe/fabric';
import { encode, TroupeError } from '@troupe/model';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parsedConfig } from '../src/config.ts';
import { History } from '../src/history.ts';
import { ImageStore } from '../src/image-store.ts';
import { openJournal } from '../src/journal.ts';
import { machineConfig } from '../src/machine-config.ts';
import { Replica } from '../src/replica.ts';
import { type Servers, startServers } from './servers.ts';

let servers: Servers;
beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());

/** The first follower meets a gap before it is told that it follows. */
function trimmedOnce(fabric: Fabric): Fabric['logs'] {
  let trimmed = false;
  return new Proxy(fabric.logs, {
    get(logs, name) {
      const value: unknown = Reflect.get(logs, name, logs);
      if (name !== 'follow') return value instanceof Function ? value.bind(logs) : value;
      const follow: Fabric['logs']['follow'] = async (log, from, on) => {
        const feed = await logs.follow(log, from, on);
        if (trimmed) return feed;
        trimmed = true;
        on.broken(new TroupeError({ code: 'LOG_CORRUPT', message: 'fact 7 is missing, found 9' }));
        // As long as the answer of a server is on its way.
        await new Promise((resolve) => setImmediate(resolve));
        return feed;
      };
      return follow;
    },
  });
}

/** As if all before a record had been trimmed when the first reader came to it. */
function cutOnce(fabric: Fabric): Fabric['logs'] {
  let reads = 0;
  return new Proxy(fabric.logs, {
    get(logs, name) {
      const value: unknown = Reflect.get(logs, name, logs);
      if (name !== 'read') return value instanceof Function ? value.bind(logs) : value;
      return async function* (...asked: Parameters<Fabric['logs']['read']>) {
        reads += 1;
        const cut = reads === 1 ? 3 : 0;
        for await (const record of logs.read(...asked)) {
          if (record.kind === 'open' || record.position > cut) yield record;
        }
      };
    },
  });
}

it('a scheduler that starts reads it again, and is there', async () => {
  const config = parsedConfig(servers.config('cut'));
  const opened = await openFabric({ config, name: 's1', logger: silentLogger });
  const journal = await openJournal(opened);
  const writer = await opened.logs.writer(journal.log);
  for (let number = 0; number < 4; number++) {
    const fact = { kind: 'term-opened', scheduler: 's1', generation: 1, at: number };
    await writer.append([encode({ first: number, facts: [fact], last: true })]);
  }
  const images = new ImageStore(opened.objects);
  const start = { ...journal, images, config: machineConfig(config) };
  const history = await History.restore({ ...start, logs: cutOnce(opened) });
  expect(history.nextFact).toBe(4);

  const lossy = new Proxy(opened.logs, {
    get: (logs, name) =>
      name === 'read'
        ? async function* (...asked: Parameters<Fabric['logs']['read']>) {
            for await (const record of logs.read(...asked)) if (record.position !== 3) yield record;
          }
        : Reflect.get(logs, name, logs),
  });
  const lost = History.restore({ ...start, logs: lossy });
  await expect(lost).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  await opened.close();
});

it('the scheduler reads it again, from the image, and leads', async () => {
  const config = parsedConfig(servers.config('trimmed'));
  const opened = await openFabric({ config, name: 's1', logger: silentLogger });
  const fabric: Fabric = { ...opened, logs: trimmedOnce(opened) };
  const unheard: unknown[] = [];
  const hear = (reason: unknown) => unheard.push(reason);
  process.on('unhandledRejection', hear);
  const replica = new Replica({
    config,
    machineConfig: machineConfig(config),
    fabric,
    journal: await openJournal(opened),
    instance: 'i',
    address: '127.0.0.1:1',
  });
  try {
    await replica.begin();
    const ended = replica.run();
    await expect.poll(() => replica.leading).toBe(true);
    expect(unheard).toEqual([]);
    await replica.stop();
    await ended;
  } finally {
    process.off('unhandledRejection', hear);
    replica.gateway.stop();
    await opened.close();
  }
});
