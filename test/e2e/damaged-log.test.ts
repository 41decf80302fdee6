/** A bit of a record in the log of a dead node is another one, on a real cluster. */
import { names, openLink, realClock, silentLogger } from '@troupe/fabric';
import { cellName, logName } from '@troupe/model';
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const patient = { deadlineMs: 60_000 };
let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

/** Flips a bit of the record that holds this text, wherever that stands: the log is written anew with it, since the
 *  store lets nobody change a record. Answers its position. */
async function flip(text: string): Promise<number> {
  const { url, user, password } = stage.cluster.servers.nats;
  const nats = { servers: [url], user, password, requireSync: false };
  const shared = { nats, replicas: 1 as const, name: 'spoiler', clock: realClock };
  const link = await openLink({ ...shared, logger: silentLogger, role: 'store' });
  const { jsm, js } = link;
  const logs = names(cellName(stage.cluster.cell)).logSubject(logName(''));
  try {
    for (const { config, state } of await jsm.streams.list().next()) {
      if (config.subjects[0]?.startsWith(logs) !== true || config.subjects[0].includes('journal'))
        continue;
      const all = [];
      for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
        all.push(await jsm.streams.getMessage(config.name, { seq }));
      }
      const damaged = all.find(({ data }) => Buffer.from(data).includes(text));
      if (damaged === undefined) continue;
      await jsm.streams.delete(config.name);
      await jsm.streams.add(config);
      for (const { subject, data, header, seq } of all) {
        for (const name of header.keys()) if (name.startsWith('Nats-')) header.delete(name);
        const at = Buffer.from(data).indexOf(text);
        const is = (place: number) => seq === damaged.seq && place === at;
        const body = Uint8Array.from(data, (byte, place) => (is(place) ? byte ^ 1 : byte));
        await js.publish(subject, body, { headers: header });
      }
      return damaged.seq;
    }
  } finally {
    await link.close();
  }
  throw new Error(`no log holds "${text}"`);
}

it('a flipped bit in the log of a node that was killed is named to those who need the record, and whose checkpoint covers it comes back', async () => {
  const nodeConfig = { checkpointMs: 600_000, rebaseMs: 600_000 };
  stage = await scene({ nodes: 1, nodeConfig });
  const { troupe, cluster } = stage;
  const counter = (key: string) => troupe.actor(Counter, key, patient);
  await counter('torn').add('an id that is flipped');
  await counter('torn').add('after');
  await counter('covered').add('a');
  await counter('covered').add('b');
  await troupe.actors.stop(Counter, 'covered');
  await stage.until('it has a checkpoint', async () => {
    return (await troupe.checkpoints.list(Counter, 'covered')).length > 0;
  });
  const [node] = cluster.nodes;
  const [scheduler] = cluster.schedulers;
  // Nobody seals the log, or reads it, before it is damaged.
  scheduler?.kill('SIGSTOP');
  node?.kill('SIGKILL');
  await node?.exited;
  const position = await flip('an id that is flipped');
  scheduler?.kill('SIGCONT');
  await cluster.startNode({ name: 'heir' });
  expect(await counter('covered').add('c')).toBe(3);
  expect(await counter('covered').ids()).toEqual(['a', 'b', 'c']);
  const refused = await counter('torn')
    .ids()
    .catch((reason: unknown) => reason);
  expect(refused).toMatchObject({ code: 'LOG_CORRUPT', details: { position } });
  expect(String(refused)).toContain('cannot be replayed');
  await expect(counter('torn').add('more')).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  // Nothing is guessed, and the name can be used again.
  await troupe.actors.destroy(Counter, 'torn');
  expect(await counter('torn').add('anew')).toBe(1);
});
