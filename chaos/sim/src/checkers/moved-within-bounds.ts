/**
 * What a leader moves to even out the load it moves as the cell is configured: no more at once than allowed, only
 * while nobody else is on the way and no node leaves, to nodes that serve, and nobody to and fro.
 */
import { type Incarnation, type NodeName, nodeNameOf } from '@troupe/model';
import type { MakeChecker } from './checker.ts';

/** Rounds in which an actor that was moved stays, under one leader. */
const restRounds = 20;

export const movedWithinBounds: MakeChecker = (truth, violate) => {
  const { rebalance } = truth.config;
  /** Where actors are wished, and by the latest round or not. */
  const open = new Set<string>();
  const serving = new Map<NodeName, Incarnation>();
  const leaving = new Set<Incarnation>();
  let moved = new Map<string, number>();
  let rounds = 0;
  let ofRound = 0;
  const begins = (): void => {
    rounds++;
    if (open.size > 0) violate(`a round begins while ${[...open][0]} is on its way`);
    const [first] = leaving;
    if (first !== undefined) violate(`a round begins while ${first} leaves`);
  };
  return {
    journalFact(fact) {
      if (fact.kind === 'actor-migrating' && fact.why !== undefined) {
        if (ofRound === 0) begins();
        ofRound++;
        const { actor, to } = fact;
        if (rebalance === undefined) return violate(`${actor} is moved, and nobody asked for it`);
        if (ofRound > rebalance.migrationsMax)
          violate(`a round moves more than ${rebalance.migrationsMax} actors`);
        if (!serving.has(to)) violate(`${actor} is moved to ${to}, which does not serve`);
        if (open.has(actor)) violate(`${actor} is moved while it is on its way`);
        if (rounds - (moved.get(actor) ?? -restRounds) < restRounds)
          violate(`${actor} is moved again in round ${rounds}`);
        moved.set(actor, rounds);
        open.add(actor);
        return;
      }
      ofRound = 0;
      switch (fact.kind) {
        case 'term-opened':
          moved = new Map();
          return;
        case 'actor-migrating':
          open.add(fact.actor);
          return;
        case 'actor-placed':
        case 'actor-destroyed':
          open.delete(fact.actor);
          return;
        case 'node-joined':
          serving.set(nodeNameOf(fact.incarnation), fact.incarnation);
          return;
        case 'node-draining':
          leaving.add(fact.incarnation);
          break;
        case 'node-dying':
          leaving.delete(fact.incarnation);
          break;
        case 'node-cordoned':
          if (fact.cordoned || leaving.has(fact.incarnation)) break;
          serving.set(nodeNameOf(fact.incarnation), fact.incarnation);
          return;
        default:
          return;
      }
      const name = nodeNameOf(fact.incarnation);
      if (serving.get(name) === fact.incarnation) serving.delete(name);
    },
  };
};
