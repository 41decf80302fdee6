/** Deliberate faults in going back in time. */
import {
  type ActorId,
  decode,
  encode,
  type Line,
  type Output,
  type Place,
  type ToNode,
} from '@troupe/model';
import type { NodeEvent, NodeFact, NodeReply, NodeSend, NodeWork } from '@troupe/worker-node-core';
import { isVault } from '../plan/vaults.ts';
import type { World } from '../world/world.ts';

type NodeOutput = Output<NodeFact, NodeSend, NodeReply, NodeWork>;
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

/** By actor and number, when a turn ended by the wall clock of its node. */
const endedAt = new WeakMap<World, Map<string, number>>();

/** A node answers for a line by what its clock showed, while a scope goes back. */
export function answeredByClock(
  world: World,
): (output: NodeOutput, event: NodeEvent) => NodeOutput {
  const ended = endedAt.get(world) ?? new Map<string, number>();
  endedAt.set(world, ended);
  return (output, event) => {
    for (const fact of output.append) {
      if (fact.kind === 'turn' && isVault(fact.actor)) {
        ended.set(`${fact.actor} ${fact.seq}`, event.wall);
      }
    }
    if (event.kind !== 'message' || event.message.kind !== 'ask-turns') return output;
    const { line } = event.message;
    if (line === undefined || world.checks.truth.vaults.target === undefined) return output;
    const send = output.send.map((one) => {
      if (one.kind !== 'to-leader' || one.message.kind !== 'turns-found') return one;
      const found = one.message.found.map((each) => {
        if (!isVault(each.actor)) return each;
        return { ...each, turn: lastByClock(world, ended, { actor: each.actor, line }) };
      });
      return { ...one, message: { ...one.message, found } };
    });
    return { ...output, send };
  };
}

/** The last turn of an actor that ended no later than those at which others are to be. */
function lastByClock(
  { checks }: World,
  ended: ReadonlyMap<string, number>,
  { actor, line }: { readonly actor: ActorId; readonly line: Line },
): number {
  const { vaults } = checks.truth;
  const when = (of: ActorId, seq: number): number => ended.get(`${of} ${seq}`) ?? -Infinity;
  const bounds = [...vaults.all.keys()].flatMap((of) => {
    const seq = line[of];
    return seq === undefined || seq >= vaults.last(of) ? [] : [when(of, seq)];
  });
  const until = bounds.length === 0 ? Infinity : Math.max(...bounds);
  const { turns } = vaults.of(actor);
  return turns.findLast(({ seq }) => when(actor, seq) <= until)?.seq ?? 0;
}
