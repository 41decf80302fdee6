/** Calls whose programs send letters that fail, some to be tried again, letters of clients that do, and operators who
 *  look after those that are dead. */
import { actorId, type LetterTries } from '@troupe/model';
import type { Random } from '@troupe/virtual';
import {
  actorType,
  type Manner,
  type Part,
  type Program,
  postboxId,
  tenant,
} from '../node/program.ts';
import { keyOf, type Operation } from './load.ts';

const operationsMax = 6;
const lettersMax = 4;
const roundsMax = 6;
const sendsMax = 8;
/** Idempotency keys, which all clients share. */
const keysMax = 3;

export function drawLetterLoad(
  client: string,
  given: { readonly keys: number; readonly fromMs: number; readonly untilMs: number },
  chance: Random,
): readonly Operation[] {
  const { keys, fromMs, untilMs } = given;
  const at = (): number => fromMs + chance.next() * (untilMs - fromMs);
  const calls = Array.from({ length: chance.whole(1, operationsMax) }, (_, number): Operation => {
    const id = `${client}-letters${number}`;
    const actor = actorId(tenant, actorType, keyOf(chance.whole(0, Math.min(keys, 4) - 1)));
    // To one receiver, so that some wait behind others.
    const to = keyOf(chance.whole(0, Math.min(keys, 4) - 1));
    const parts = Array.from({ length: chance.whole(1, lettersMax) }, (_, letter) =>
      drawLetter(`${id}.${letter}`, to, chance, letter % 2 === 1 ? number % keysMax : undefined),
    );
    const base = { kind: 'call', at: at(), actor, program: { id, parts } } as const;
    return { ...base, deadlineMs: 30_000, ...drawPriority(chance) };
  });
  const rounds = Array.from({ length: chance.whole(0, roundsMax) }, (): Operation => {
    return {
      kind: 'letters',
      at: at(),
      manner: chance.pick(['both', 'redeliver', 'redeliver', 'discard']),
    };
  });
  const sends = Array.from({ length: chance.whole(0, sendsMax) }, (_, number): Operation => {
    const to = keyOf(chance.whole(0, Math.min(keys, 4) - 1));
    return drawSend(`${client}-sends${number}`, { to, at: at(), number }, chance);
  });
  return [...calls, ...rounds, ...sends].sort((left, right) => left.at - right.at);
}

/** By one of few postboxes, so that letters of several clients wait in one. */
function drawSend(
  id: string,
  { to, at, number }: { readonly to: string; readonly at: number; readonly number: number },
  chance: Random,
): Operation {
  const tries = chance.chance(0.6) ? drawTries(chance) : {};
  const once = number % 3 === 2 ? { idempotencyKey: `key ${number % keysMax}` } : {};
  const late = chance.chance(0.3) ? { delayMs: Math.round(chance.spread(1, 5_000)) } : {};
  const delivery = { ...tries, ...drawPriority(chance), ...once, ...late };
  const program: Program = { id, parts: drawParts(id, chance) };
  const actor = postboxId(chance.pick(['0', '1']));
  return { kind: 'send', at, actor, key: to, program, delivery, deadlineMs: 30_000 };
}

function drawLetter(id: string, to: string, chance: Random, key: number | undefined): Part {
  const tries = chance.chance(0.6) ? { tries: drawTries(chance) } : {};
  const once = key === undefined ? {} : { idempotencyKey: `key ${key}` };
  const manner: Manner = { ...tries, ...drawPriority(chance), ...once };
  const program: Program = { id, parts: drawParts(id, chance) };
  if (!chance.chance(0.2)) return ['send', to, program, manner];
  return ['later', to, Math.round(chance.spread(1, 5_000)), program, manner];
}

function drawPriority(chance: Random): Pick<Manner, 'priority'> {
  const priority = chance.pick(['high', 'normal', 'low'] as const);
  return priority === 'normal' ? {} : { priority };
}

function drawTries(chance: Random): LetterTries {
  const waits = Array.from({ length: chance.whole(1, 2) }, () =>
    Math.round(chance.spread(1, 3_000)),
  );
  return { retries: chance.whole(1, 3), backoffMs: waits };
}

function drawParts(id: string, chance: Random): Part[] {
  const parts: Part[] = [];
  if (chance.chance(0.3)) parts.push(['step', `s${id}`, 'undo']);
  if (chance.chance(0.2)) parts.push(['sleep', Math.round(chance.spread(1, 900))]);
  const drawn = chance.next();
  if (drawn < 0.6) parts.push(['balk', chance.pick([1, 1, 2, 3])]);
  else if (drawn < 0.7) parts.push(['crash', chance.pick([1, 12])]);
  else if (drawn < 0.8) parts.push(['fail']);
  return parts;
}
