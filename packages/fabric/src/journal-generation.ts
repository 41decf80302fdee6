/** The generation of a cell's journal: 1, and one more each time it is restored from a backup. */
import { troupeError } from '@troupe/model';
import type { Coordination } from './coordination.ts';
import type { Names } from './names.ts';

/** Reads the generation; the first one to ask makes it 1. */
export async function journalGeneration(coordination: Coordination, names: Names): Promise<number> {
  const key = names.keys.journalGeneration;
  await coordination.create(key, '1');
  const held = await coordination.get(key);
  const generation = Number(held?.value);
  if (Number.isSafeInteger(generation) && generation >= 1) return generation;
  throw troupeError('LOG_CORRUPT', `etcd key ${key} holds "${held?.value}" instead of a number`);
}
