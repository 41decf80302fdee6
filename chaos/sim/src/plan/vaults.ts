/**
 * Clients that take a scope back in time while others work in it. Its actors have to do with nobody
 * outside, and promises of their own: whatever happened to them may be taken back.
 */
import { type ActorId, actorId } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, type Part, type Program, tenant } from '../node/program.ts';
import type { Operation } from './load.ts';

export const vaultScope = 'vault';
const prefix = 'vault-';
const depthMax = 2;

export function isVault(actor: string | undefined): boolean {
  return actor?.startsWith(`${tenant}/${actorType}/${prefix}`) === true;
}

export function vaultOf(index: number): ActorId {
  return actorId(tenant, actorType, keyOf(index));
}

/** How many there are in a run. */
export function drawVaultCount(chance: Random): number {
  return chance.whole(2, 4);
}

export function drawVaultLoad(
  client: string,
  given: {
    readonly count: number;
    readonly fromMs: number;
    readonly untilMs: number;
    readonly rewinds: boolean;
  },
  chance: Random,
): readonly Operation[] {
  const { count, fromMs, untilMs, rewinds } = given;
  const place = () => fromMs + chance.next() * (untilMs - fromMs);
  const calls = Array.from({ length: chance.whole(4, 16) }, (_, number): Operation => {
    const key = chance.whole(0, count - 1);
    const program = drawProgram(`${client}-vault${number}`, { key, count, depth: 0 }, chance);
    const called = { actor: vaultOf(key), program, scope: vaultScope, deadlineMs: 30_000 };
    return { kind: 'call', at: place(), ...called };
  });
  if (!rewinds) return calls;
  const backs = Array.from(
    { length: chance.whole(2, 8) },
    (_, number): Operation => ({
      kind: 'rewind',
      at: place(),
      scope: vaultScope,
      savepoint: `${client}-back${number}`,
      later: Math.round(chance.spread(20, 5_000)),
      ...(chance.chance(0.5)
        ? {}
        : { to: { vault: chance.whole(0, count - 1), turnsBefore: chance.whole(0, 4) } }),
    }),
  );
  return [...calls, ...backs];
}

/** Reads of all, when everything has come to its end. */
export function lastVaultReads(actors: readonly ActorId[], at: number): readonly Operation[] {
  return actors.filter(isVault).map((actor) => {
    return { at, last: true, kind: 'read', actor, scope: vaultScope, deadlineMs: 30_000 };
  });
}

function drawProgram(
  id: string,
  where: { readonly key: number; readonly count: number; readonly depth: number },
  chance: Random,
): Program {
  const { key, count, depth } = where;
  const parts: Part[] = [];
  for (let number = 0; number < chance.whole(0, 3); number++) {
    const inner = `${id}.${number}`;
    const drawn = chance.next();
    if (drawn < 0.4 && depth < depthMax) {
      const to = chance.whole(0, count - 1);
      const program = drawProgram(inner, { key: to, count, depth: depth + 1 }, chance);
      parts.push(['send', keyOf(to), program]);
    } else if (drawn < 0.65 && depth < depthMax && key < count - 1) {
      // To higher keys alone, so that two turns never wait for each other.
      const to = chance.whole(key + 1, count - 1);
      const program = drawProgram(inner, { key: to, count, depth: depth + 1 }, chance);
      parts.push(['call', keyOf(to), program]);
    } else if (drawn < 0.8) parts.push(['step', `s${inner}`]);
    else if (drawn < 0.95) parts.push(['sleep', Math.round(chance.spread(1, 700))]);
    else parts.push(['fail']);
  }
  return { id, parts };
}

function keyOf(index: number): string {
  return `${prefix}${index}`;
}
