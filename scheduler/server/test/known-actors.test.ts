/** What actors that are only known cost a scheduler, and terms that are over. */
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Batch, names as namesOf, openFabric, silentLogger } from '@troupe/fabric';
import { cellName, decode, encode } from '@troupe/model';
import { keptFact, type SchedulerFact, SchedulerMachine } from '@troupe/scheduler-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parsedConfig } from '../src/config.ts';
import { Catalog } from '../src/gateway/catalog.ts';
import { Routes } from '../src/gateway/routes.ts';
import { seedGateway } from '../src/gateway/seed.ts';
import { openJournal } from '../src/journal.ts';
import { machineConfig } from '../src/machine-config.ts';
import { Replica } from '../src/replica.ts';
import { type Servers, startServers } from './servers.ts';

let servers: Servers;
beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers.stop());

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const actors = 20_000;
const batchActors = 100;
const bytesMax = 400;

function heapBytes(): number {
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

const quiet = { placed: () => {}, nodeLost: () => {} };
const names = namesOf(cellName('known'));

const start: readonly SchedulerFact[] = decode(
  encode([
    { kind: 'term-opened', scheduler: 's1', generation: 1, at: 0 },
    {
      kind: 'node-joining',
      incarnation: 'n1.aaaaaaaa',
      name: 'n1',
      resources: {},
      labels: {},
      at: 0,
    },
    { kind: 'node-joined', incarnation: 'n1.aaaaaaaa' },
  ]),
);

/** As a follower reads them: records with the facts of many actors. */
function* records(): Generator<readonly SchedulerFact[]> {
  yield start;
  const placed = { kind: 'actor-placed', node: 'n1.aaaaaaaa', bundle: 'ab'.repeat(32), chain: [] };
  for (let first = 0; first < actors; first += batchActors) {
    const facts = Array.from({ length: batchActors }, (_, n) => {
      const actor = `default/Librarian/team-${first + n}`;
      return [
        { kind: 'actor-created', actor, scope: actor },
        { ...placed, actor },
      ];
    }).flat();
    yield decode<Batch<SchedulerFact>>(encode({ first, facts, last: true })).facts;
  }
}

const config = machineConfig(parsedConfig({ cell: 'known' }));

it('an idle actor costs a scheduler at most 400 bytes of memory, with its place in the gateway', async () => {
  const before = heapBytes();
  const followed = { machine: new SchedulerMachine(config), routes: new Routes(names, quiet) };
  let position = 0;
  for (const facts of records()) {
    for (const fact of facts.map(keptFact)) {
      followed.machine.apply(fact);
      followed.routes.apply(fact, position++);
    }
  }
  expect((heapBytes() - before) / actors).toBeLessThan(bytesMax);
  expect(followed.routes.size).toBe(actors);

  const image = followed.machine.image();
  const between = heapBytes();
  const restored = {
    machine: SchedulerMachine.restore(config, image),
    routes: new Routes(names, quiet),
  };
  const { routes } = restored;
  await seedGateway(
    { routes, catalog: new Catalog(), requests: { onTerm() {} } },
    restored.machine,
  );
  expect((heapBytes() - between) / actors).toBeLessThan(bytesMax);
  expect(routes.size).toBe(actors);
  expect(followed.machine.factCount).toBe(restored.machine.factCount);
});

it('a scheduler that leads again and again holds nothing of its terms before', async () => {
  const config = parsedConfig(servers.config('terms'));
  const fabric = await openFabric({ config, name: 's1', logger: silentLogger });
  const { coordination, names } = fabric;
  const replica = new Replica({
    config,
    machineConfig: machineConfig(config),
    fabric,
    journal: await openJournal(fabric),
    instance: 'i',
    address: '127.0.0.1:1',
  });
  const atFirst = queryObjects(SchedulerMachine);
  try {
    await replica.begin();
    const ended = replica.run();
    for (let term = 1; term <= 6; term++) {
      await expect.poll(() => replica.leading && replica.terms, { timeout: 15_000 }).toBe(term);
      const leader = await coordination.get(names.keys.leader);
      await coordination.deleteIf(names.keys.leader, leader?.value ?? '');
    }
    await expect.poll(() => replica.leading && replica.terms, { timeout: 15_000 }).toBe(7);
    expect(queryObjects(SchedulerMachine) - atFirst).toBeLessThanOrEqual(2);
    await replica.stop();
    await ended;
  } finally {
    replica.gateway.stop();
    await fabric.close();
  }
}, 60_000);
