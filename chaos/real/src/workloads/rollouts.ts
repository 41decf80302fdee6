/** Rollouts: diaries are written by some, while another client deploys one version of them after the other, each with
 *  another form of the state, and has all go over in waves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleFile } from '@troupe/cli';
import type { Rollout, Troupe } from '@troupe/sdk';
import { Diary, firstVersion } from '../diary.ts';
import { cameOfMany, insist, readAll, type Workload } from './workload.ts';

/** Diaries that are written to at a time; more than go over at once. */
const abreast = 10;
const writesEach = 20;
const tenant = 'diaries';
/** Of the operations that roll. */
const rolling = 'rolling';
const atOnce = 4;
/** Between two rollouts. */
const restMs = 5_000;
const doneMsMax = 60_000;
const lookMs = 500;
const source = fileURLToPath(new URL('../../src/diary.ts', import.meta.url));

export const rollouts: Workload = {
  name: 'rollouts',
  clients: 4,
  thinkMs: 400,
  tenants: { [tenant]: 1 },
  client({ client, troupeOf, random, operations }) {
    const troupe = troupeOf(tenant);
    if (client !== 'rollouts0') {
      return async () => {
        const generation = operations.generation(abreast * writesEach);
        const key = `rollouts${generation}.${random.between(1, abreast)}`;
        const id = operations.nextId(client);
        const asked = { id, key, action: 'add' };
        await operations.record(client, asked, () => troupe.actor(Diary, key).add(id));
      };
    }
    let version = firstVersion;
    return async () => {
      version += 1;
      const to = version;
      const id = operations.nextId(client);
      const asked = { id, key: rolling, action: 'roll', input: { to } };
      await operations.record(client, asked, () => rolled(troupe, to), cameOfMany);
      await pause(restMs);
    };
  },
  async finals({ troupeOf }, keys) {
    const troupe = troupeOf(tenant);
    const diaries = keys.filter((key) => key !== rolling);
    const read = await readAll('rollouts', diaries, (key) => troupe.actor(Diary, key).all());
    if (diaries.length === keys.length) return read;
    const [last] = await insist(() => troupe.rollouts.list());
    const value = last && (await doneOf(troupe, last.to.version));
    return [...read, { kind: 'final', workload: 'rollouts', key: rolling, value }];
  },
  actorsOf: (key) => (key === rolling ? [] : [{ actor: Diary, key, tenant }]),
};

async function rolled(troupe: Troupe, to: number) {
  const bytes = await bundleOf(to);
  const { bundle } = await insist(() => troupe.deploy(bytes));
  await insist(() => troupe.rollouts.start(Diary, { bundle, atOnce, failuresMax: 1_000 }));
  return await doneOf(troupe, to);
}

/** What came of the rollout to this version; undefined when it is not done in time. */
async function doneOf(troupe: Troupe, to: number) {
  for (const end = performance.now() + doneMsMax; performance.now() < end; await pause(lookMs)) {
    const [rollout] = await insist(() => troupe.rollouts.list());
    if (rollout?.to.version === to && rollout.state === 'done') return counts(rollout);
  }
  return undefined;
}

/** How many are of this version, and how many of others: some could not go over, of some a turn runs still. */
function counts({ to, actors, failed, underWay, failures }: Rollout) {
  const of = (isTo: boolean) =>
    actors
      .filter(({ version }) => (version === to.version) === isTo)
      .reduce((sum, { count }) => sum + count, 0);
  const why = failures[0]?.message ?? null;
  return { there: of(true), elsewhere: of(false), underWay, failed, why };
}

async function bundleOf(version: number): Promise<Uint8Array> {
  const dir = mkdtempSync(join(tmpdir(), 'troupe-diary-'));
  try {
    const file = join(dir, 'diary.ts');
    const from = JSON.stringify(source);
    writeFileSync(
      file,
      `import { diaryOf } from ${from};\nexport const Diary = diaryOf(${version});\n`,
    );
    return (await bundleFile(file)).bytes;
  } finally {
    rmSync(dir, { recursive: true });
  }
}
