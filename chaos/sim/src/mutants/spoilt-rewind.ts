/** Deliberate faults in going back in time. */
import { decode, encode, type Place, type ToNode } from '@troupe/model';
import type { NodeSend } from '@troupe/worker-node-core';
import type { World } from '../world/world.ts';

type PutOrder = Extract<NodeSend, { kind: 'put-checkpoint' }>;

/** What a node hears of it. `incarnationOf`: under which the actor is there. */
export function heardOfRewind(
  world: World,
  message: ToNode,
  incarnationOf: (actor: string) => number,
): ToNode {
  switch (world.mutant) {
    case 'goes-on-as-it-was':
      return message.kind === 'place' ? withoutReturn(message) : message;
    case 'rewind-loses-letters': {
      if (message.kind !== 'take-back') return message;
      return { ...message, actors: message.actors.map((one) => ({ ...one, owed: [] })) };
    }
    case 'messages-of-the-past-taken':
      switch (message.kind) {
        case 'letter':
          return { ...message, incarnation: incarnationOf(message.to) };
        case 'letter-ack':
          return { ...message, incarnation: incarnationOf(message.from) };
        case 'call':
          return { ...message, incarnation: incarnationOf(message.actor) };
        default:
          return message;
      }
    default:
      return message;
  }
}

/** A checkpoint of an actor that went back, with the numbers that it had at its line. */
export function withOldNumbers(put: PutOrder): PutOrder {
  const body = decode<{
    memory: { outbox: [string, number, unknown[], [number, number][]?][] };
  }>(put.body);
  body.memory.outbox = body.memory.outbox.map(([to, next, letters, passed]) => {
    const [first] = passed?.at(-1) ?? [];
    return first === undefined ? [to, next, letters] : [to, first, letters];
  });
  return { ...put, body: encode(body) };
}

function withoutReturn({ rewind, ...place }: Place): Place {
  if (rewind === undefined) return place;
  const { back: _, ...rest } = rewind;
  return { ...place, rewind: rest };
}
