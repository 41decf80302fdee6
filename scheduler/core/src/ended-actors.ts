/**
 * Nodes ask which of the actors that clocks name have ended, so that these forget them. Told is only who was
 * destroyed lately: the next one of such a name surely begins with the number of that end.
 */
import { type ActorId, type AskEnded, limits } from '@troupe/model';
import type { Desk } from './desk.ts';

export function tellEnded(desk: Desk, { incarnation, ask, actors }: AskEnded): void {
  const ended: Record<ActorId, number> = {};
  for (const actor of actors) {
    const stone = desk.state.tombstones.get(actor);
    if (stone?.seq === undefined || stone.ledMs + limits.endedToldMs < desk.ledMs) continue;
    ended[actor] = stone.seq;
  }
  desk.toNode(incarnation, { kind: 'ended-found', term: desk.term, ask, ended });
}
