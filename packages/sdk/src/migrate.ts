/** Moving one actor to another node. */
import { troupeError } from '@troupe/model';
import { checkWhole, uint32Max } from './definition.ts';
import type { Migrated, MigrateOptions } from './troupe.ts';
import type { Unary } from './wire/unary.ts';

const waitMsDefault = 30_000;
const states: readonly string[] = ['moved', 'there', 'under-way'] satisfies Migrated['state'][];

export async function migrate(
  unary: Unary,
  actor: { readonly tenant: string; readonly type: string; readonly key: string },
  { to = '', waitMs = waitMsDefault }: MigrateOptions = {},
): Promise<Migrated> {
  checkWhole('waitMs', waitMs, 0, uint32Max);
  const asked = { ...actor, to, waitMs };
  const { node, epoch, state } = await unary.ask('ActorsService/Migrate', asked, { waitMs });
  if (!isState(state)) throw troupeError('INTERNAL', `a migration was answered by "${state}"`);
  return { node, epoch, state };
}

function isState(state: string): state is Migrated['state'] {
  return states.includes(state);
}
