/** Calls under idempotency keys that all clients share, and now and then another call under the key of one; in some
 *  runs only. */
import { actorId } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import { actorType, hearMethod, type Program, tenant } from '../node/program.ts';
import { drawProgram, keyOf, type LoadShape, type Operation } from './load.ts';

interface KeyedGround extends Pick<LoadShape, 'keys' | 'fromMs' | 'untilMs'> {
  readonly schedulers: readonly string[];
  /** The same for every client. */
  readonly common: Random;
}

const sharedMax = 3;
const asksMax = 3;
const deadlineMs = 30_000;
/** Those who ask together do so within. */
const togetherMs = 400;

export function drawKeyedCalls(
  { keys, fromMs, untilMs, schedulers, common }: KeyedGround,
  chance: Random,
): readonly Operation[] {
  const operations: Operation[] = [];
  for (let number = common.whole(1, sharedMax); number > 0; number--) {
    const key = `shared-${number}`;
    const own = common.fork(key);
    const to = own.whole(0, keys - 1);
    const where = { key: to, keys, depth: 0, path: [to] };
    const meant = drawProgram(`key${number}`, where, own);
    const togetherAt = fromMs + own.next() * (untilMs - fromMs);
    for (let asks = chance.whole(0, asksMax); asks > 0; asks--) {
      const at = chance.chance(0.5)
        ? Math.min(untilMs, togetherAt + chance.next() * togetherMs)
        : fromMs + chance.next() * (untilMs - fromMs);
      operations.push({
        kind: 'keyed',
        at,
        key,
        actor: actorId(tenant, actorType, keyOf(to)),
        ...drawAsked(meant, chance),
        deadlineMs: chance.chance(0.15) ? chance.whole(300, 4_000) : deadlineMs,
        ...(chance.chance(0.4) ? { via: chance.pick(schedulers) } : {}),
      });
    }
  }
  return operations.sort((left, right) => left.at - right.at);
}

/** What is meant by the key, other arguments, or another method. */
function drawAsked(
  meant: Program,
  chance: Random,
): { readonly method: 'run' | typeof hearMethod; readonly program: Program } {
  const drawn = chance.next();
  if (drawn < 0.78) return { method: 'run', program: meant };
  if (drawn < 0.93) return { method: 'run', program: { id: `${meant.id}x`, parts: [] } };
  return { method: hearMethod, program: { id: `${meant.id}y`, parts: [] } };
}
