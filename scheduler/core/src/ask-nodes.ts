/** Questions to the nodes of many actors, as many to a message as it may hold. */
import { type ActorId, type Incarnation, limits, type ToNode } from '@troupe/model';
import type { Desk } from './desk.ts';

/** An actor, under the epoch whose word is wanted. */
export interface AskedActor {
  readonly actor: ActorId;
  readonly epoch: number;
}

/** Sends each node what is asked of its actors. Who is no more is not asked. */
export function askNodes(
  desk: Desk,
  asked: Iterable<ActorId>,
  question: (actors: readonly AskedActor[]) => ToNode,
): void {
  const byNode = new Map<Incarnation, AskedActor[]>();
  for (const actor of asked) {
    const record = desk.state.actors.get(actor);
    if (record === undefined) continue;
    const there = byNode.get(record.node) ?? [];
    there.push({ actor, epoch: record.epoch });
    byNode.set(record.node, there);
  }
  for (const [node, there] of byNode) {
    for (let from = 0; from < there.length; from += limits.askedActorsMax) {
      desk.toNode(node, question(there.slice(from, from + limits.askedActorsMax)));
    }
  }
}
