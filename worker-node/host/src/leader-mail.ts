/**
 * Cuts what a node says to the leader into messages that the bus can carry: lists of actors grow
 * with the node, a message does not.
 */
import type { NodeToLeader } from '@troupe/model';

/** Entries of a list in one message: an actor's id may take 600 bytes. */
const listMax = 1_000;

export function leaderMail(message: NodeToLeader): NodeToLeader[] {
  switch (message.kind) {
    case 'place-seen':
      return cut(message.placed, (placed) => ({ ...message, placed }));
    case 'rebased':
    case 'released':
      return cut(message.actors, (actors) => ({ ...message, actors }));
    case 'task-seen':
      return cut(message.attempts, (attempts) => ({ ...message, attempts }));
    default:
      return [message];
  }
}

function cut<T>(list: readonly T[], message: (part: readonly T[]) => NodeToLeader): NodeToLeader[] {
  if (list.length <= listMax) return [message(list)];
  const parts: NodeToLeader[] = [];
  for (let at = 0; at < list.length; at += listMax)
    parts.push(message(list.slice(at, at + listMax)));
  return parts;
}
