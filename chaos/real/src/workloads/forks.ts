/** Forks: an actor is added to and leaves memory, and one of its checkpoints becomes a new actor, by a fork or by an
 *  export and an import, while the old one goes on. What is made is read, compared with what the checkpoint was
 *  shown to hold, and destroyed. */
import { type Checkpoint, type Troupe, TroupeError } from '@troupe/sdk';
import { Ledger } from '../agents.ts';
import type { Random } from '../random.ts';
import { cameOfMany, insist, readAll, type Workload } from './workload.ts';

const forksPerKey = 25;
const addsMax = 6;

export const forks: Workload = {
  name: 'forks',
  clients: 2,
  thinkMs: 800,
  client({ client, troupe, random, operations }) {
    return async () => {
      const key = `forks${operations.generation(forksPerKey)}.${client}`;
      const id = operations.nextId(client);
      const adds = random.between(1, addsMax);
      const action = random.chance(0.5) ? 'fork' : 'import';
      const asked = { id, key, action, input: { adds } };
      const into = `${key}/${id}`;
      await operations.record(
        client,
        asked,
        async () => {
          for (let at = 0; at < adds; at++) await troupe.actor(Ledger, key).add(`${id}.${at}`);
          return made(troupe, { key, into, byImport: action === 'import' }, random);
        },
        cameOfMany,
      );
    };
  },
  finals: ({ troupe }, keys) => readAll('forks', keys, (key) => troupe.actor(Ledger, key).ids()),
  actorsOf: (key) => [{ actor: Ledger, key }],
};

interface Order {
  readonly key: string;
  /** Key of the new actor. */
  readonly into: string;
  readonly byImport: boolean;
}

/** What was made of one of its checkpoints; nothing where none could be pinned. */
async function made(troupe: Troupe, { key, into, byImport }: Order, random: Random) {
  const { checkpoints } = troupe;
  await insist(() => troupe.actors.stop(Ledger, key));
  const listed = await insist(() => checkpoints.list(Ledger, key));
  const sound = listed.filter((one): one is Checkpoint => 'turn' in one);
  const chosen = random.pick(sound);
  if (chosen === undefined) return undefined;
  const { id: checkpoint, turn } = chosen;
  // It may have made room for newer ones since it was listed.
  if (!(await isThere(() => checkpoints.pin(Ledger, key, checkpoint)))) return undefined;
  const { state } = await insist(() => checkpoints.show(Ledger, key, checkpoint));
  if (byImport) {
    const exported = await insist(() => checkpoints.export(Ledger, key, checkpoint));
    await once(() => checkpoints.import(Ledger, exported, { key: into }));
  } else await once(() => checkpoints.fork(Ledger, key, checkpoint, { key: into }));
  await insist(() => checkpoints.unpin(Ledger, key, checkpoint));
  const ids = await insist(() => troupe.actor(Ledger, into).ids());
  await insist(() => troupe.actors.destroy(Ledger, into));
  return { turn, shown: state, ids };
}

async function isThere(ask: () => Promise<void>): Promise<boolean> {
  try {
    await insist(ask);
    return true;
  } catch (reason) {
    if (reason instanceof TroupeError && reason.code === 'UNKNOWN_CHECKPOINT') return false;
    throw reason;
  }
}

/** Nobody else makes an actor of this key: one that is there was made by an answer that was lost. */
async function once(make: () => Promise<void>): Promise<void> {
  try {
    await insist(make);
  } catch (reason) {
    if (!(reason instanceof TroupeError && reason.code === 'ALREADY_EXISTS')) throw reason;
  }
}
