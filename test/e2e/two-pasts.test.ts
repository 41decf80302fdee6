/** Two records or checkpoints claim the same turn of an actor on a real cluster, as if a fence had failed. */
import {
  type Batch,
  type NatsLink,
  names,
  openLink,
  realClock,
  sha256,
  silentLogger,
} from '@troupe/fabric';
import { cellName, decode, encode, logName, TroupeError } from '@troupe/model';
import { afterEach, expect, it } from 'vitest';
import { Counter } from '../agents/agents.ts';
import { type Scene, scene } from './scene.ts';

const patient = { deadlineMs: 60_000 };
let stage: Scene;

afterEach(async () => {
  await stage?.stop();
});

interface Fact {
  readonly kind: string;
  readonly actor?: string;
}

async function forger(): Promise<NatsLink> {
  const { url, user, password } = stage.cluster.servers.nats;
  const nats = { servers: [url], user, password, requireSync: false };
  const shared = { nats, replicas: 1 as const, name: 'forger', clock: realClock };
  return await openLink({ ...shared, logger: silentLogger, role: 'store' });
}

/** Stores the last checkpoint of the actor once more, as if it had taken so many turns more under that epoch. */
async function storeLate(actor: string, turns: number): Promise<void> {
  const link = await forger();
  const { checkpointStream, checkpoint } = names(cellName(stage.cluster.cell));
  const subject = checkpoint(sha256(actor));
  const { data } = await link.jsm.streams.getMessage(checkpointStream, { last_by_subj: subject });
  const body = decode<{ readonly seq: number; readonly memory: { readonly seq: number } }>(data);
  const seq = body.seq + turns;
  const forged = encode({ ...body, seq, memory: { ...body.memory, seq } });
  await link.js.publish(subject, forged);
  await link.close();
}

/** Writes the last turn of the actor once more, into the log in which it stands. */
async function claimAgain(actor: string): Promise<void> {
  const link = await forger();
  const logs = names(cellName(stage.cluster.cell)).logSubject(logName(''));
  for (const { config, state } of await link.jsm.streams.list().next()) {
    if (config.subjects[0]?.startsWith(logs) !== true) continue;
    let turn: Fact | undefined;
    let end = 0;
    let subject = '';
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await link.jsm.streams.getMessage(config.name, { seq });
      if (!message.subject.endsWith('.rec')) continue;
      const { first, facts } = decode<Batch<Fact>>(message.data);
      end = first + facts.length;
      subject = message.subject;
      turn = facts.findLast((fact) => fact.kind === 'turn' && fact.actor === actor) ?? turn;
    }
    if (turn === undefined) continue;
    await link.js.publish(subject, encode({ first: end, facts: [turn], last: true }));
    await link.close();
    return;
  }
  throw new Error(`no log has a turn of ${actor}`);
}

/** The torn one is shown as it is in quarantine. */
async function isListed(): Promise<boolean> {
  const { findings = [] } = await stage.troupe.status().catch(() => ({ findings: [] }));
  return findings.some((text) => text.includes('"default/Counter/torn" is in quarantine'));
}

it('an actor of which two records claim the same turn is in quarantine, alone and whoever leads, and can be forked and made anew', async () => {
  const nodeConfig = { checkpointMs: 600_000, rebaseMs: 600_000 };
  stage = await scene({ nodes: 2, schedulers: 2, nodeConfig });
  const { troupe, cluster } = stage;
  const [torn, beside] = ['torn', 'beside'].map((key) => troupe.actor(Counter, key, patient));
  await torn?.add('a');
  await beside?.add('a');
  for (const key of ['torn', 'beside']) await troupe.migrate('Counter', key, { to: 'n1' });
  await troupe.actors.stop(Counter, 'torn');
  await stage.until('it has a checkpoint', async () => {
    return (await troupe.checkpoints.list(Counter, 'torn')).length > 0;
  });
  await torn?.add('b');
  await claimAgain('default/Counter/torn');
  // Its next append is refused: the node gives up, and both go to the other one.
  expect(await beside?.add('b')).toBe(2);
  expect(await beside?.ids()).toEqual(['a', 'b']);
  const refused = await torn?.add('c').catch((reason: unknown) => reason);
  expect(refused).toBeInstanceOf(TroupeError);
  expect(refused).toMatchObject({ code: 'PAST_CONFLICT', details: { turn: 2 } });
  await expect(torn?.ids()).rejects.toMatchObject({ code: 'PAST_CONFLICT' });
  await stage.until('it is listed', isListed);
  const { leader } = await troupe.status();
  cluster.schedulers.find(({ name }) => name === leader)?.kill('SIGKILL');
  await stage.until('the next leader lists it', isListed);
  const { checkpoint } = (refused as TroupeError).details;
  await troupe.checkpoints.fork(Counter, 'torn', Number(checkpoint), { key: 'mended' });
  expect(await troupe.actor(Counter, 'mended', patient).ids()).toEqual(['a']);
  await troupe.actors.destroy(Counter, 'torn');
  expect(await torn?.add('anew')).toBe(1);
  await stage.until('it is listed no more', async () => !(await isListed()));
  expect(await beside?.add('c')).toBe(3);
});

it('an actor of which two checkpoints claim the same turn is in quarantine on every node, and nothing of the two is lost', async () => {
  const nodeConfig = { checkpointMs: 600_000, rebaseMs: 600_000 };
  stage = await scene({ nodes: 2, nodeConfig });
  const { troupe, cluster } = stage;
  const [torn, beside] = ['torn', 'beside'].map((key) => troupe.actor(Counter, key, patient));
  await torn?.add('a');
  await beside?.add('a');
  const host = await stage.hostOf('default/Counter/torn');
  const [heir] = cluster.nodes.filter(({ name }) => name !== host);
  await troupe.migrate('Counter', 'torn', { to: heir?.name ?? '' });
  await troupe.migrate('Counter', 'beside', { to: heir?.name ?? '' });
  expect(await torn?.add('b')).toBe(2);
  // The node that it has left goes on to store what it did there.
  await storeLate('default/Counter/torn', 5);
  await troupe.actors.stop(Counter, 'torn');
  for await (const event of troupe.actors.watch({ type: 'Counter', after: 0 })) {
    if (event.kind === 'quarantined') break;
  }
  await stage.until('it is listed', isListed);
  const refused = await torn?.add('c').catch((reason: unknown) => reason);
  expect(refused).toMatchObject({ code: 'PAST_CONFLICT', details: { turn: 2 } });
  const turns = (await troupe.checkpoints.list(Counter, 'torn')).map((one) => {
    return 'turn' in one ? one.turn : 0;
  });
  expect(turns).toEqual([6, 1]);
  expect(await beside?.add('b')).toBe(2);
  await cluster.startNode({ name: 'third' });
  heir?.kill('SIGKILL');
  expect(await beside?.add('c')).toBe(3);
  await expect(torn?.ids()).rejects.toMatchObject({ code: 'PAST_CONFLICT' });
  await troupe.actors.destroy(Counter, 'torn');
  expect(await torn?.add('anew')).toBe(1);
});
