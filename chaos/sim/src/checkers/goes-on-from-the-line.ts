/**
 * After a scope went back its actors go on from the line, and from nothing else: no turn of the past
 * that was abandoned commits, none is based on it, what is in transit is taken once and in order, and a
 * call from outside that had begun there never runs again. At rest every letter is taken, and every turn
 * that had begun has ended.
 */
import { type ActorId, decodeValue, isTracked, type VectorClock } from '@troupe/model';
import type { NodeFact } from '@troupe/worker-node-core';
import { isVault } from '../plan/vaults.ts';
import type { MakeChecker } from './checker.ts';
import { callOf, type Vaults } from './vaults.ts';

type TurnFact = Extract<NodeFact, { kind: 'turn' }>;

export const goesOnFromTheLine: MakeChecker = ({ vaults }, violate) => ({
  turnFact(fact) {
    if (!('seq' in fact) || fact.kind === 'actor-ended') return;
    const what = `turn ${fact.seq} of ${fact.actor}`;
    if (fact.epoch < vaults.incarnation) {
      return violate(`${what} commits under epoch ${fact.epoch}, before ${vaults.incarnation}`);
    }
    const last = vaults.last(fact.actor);
    if (fact.seq !== last + 1) return violate(`${what} follows turn ${last}`);
    if (fact.kind === 'turn-recorded' || fact.kind === 'turn-yielded') return;
    const isBegun = vaults.of(fact.actor).begun !== undefined;
    const isFirst = fact.kind === 'turn-begun' || !isBegun;
    if (isFirst) {
      const fault = causeFault(vaults, fact) ?? clockFault(vaults, fact);
      if (fault !== undefined) return violate(`${what} ${fault}`);
    }
    if (fact.kind !== 'turn') return;
    const fault = letterFault(vaults, fact);
    if (fault !== undefined) violate(`${what} ${fault}`);
  },
  answered({ operation, outcome }) {
    if (operation.kind !== 'read' || operation.last !== true || !outcome.ok) return;
    if (!isVault(operation.actor)) return;
    const seen = (decodeValue(outcome.value) as readonly string[]).join();
    const ids = vaults.idsOf(operation.actor).join();
    if (seen !== ids) violate(`${operation.actor} is [${seen}], and was made by [${ids}]`);
  },
  atRest() {
    for (const [actor, { begun }] of vaults.all) {
      if (begun !== undefined) violate(`a turn of ${actor} has begun and not ended`);
      for (const to of vaults.all.keys()) {
        const left = vaults.open(actor, to);
        if (left.length > 0) violate(`the letters [${left}] of ${actor} never came to ${to}`);
      }
    }
  },
});

function causeFault(
  vaults: Vaults,
  { actor, cause }: Extract<NodeFact, { kind: 'turn' | 'turn-begun' }>,
): string | undefined {
  if (cause.kind === 'letter') {
    const [next] = vaults.open(cause.from, actor);
    if (next === cause.number) return undefined;
    return `takes letter ${cause.number} of ${cause.from}, the next one is ${next ?? 'none'}`;
  }
  if (cause.kind !== 'call') return undefined;
  const caller = /^actor:(.*)#\d+$/.exec(cause.session)?.[1];
  if (caller !== undefined) {
    const { begun } = vaults.of(caller as ActorId);
    const isKnown = begun !== undefined || vaults.hasGivenUp(caller as ActorId, cause.number);
    return isKnown ? undefined : `answers a call of ${caller}, which has begun no turn`;
  }
  if (!vaults.begun.has(callOf(cause))) return undefined;
  return `runs call ${callOf(cause)} again`;
}

function clockFault(
  vaults: Vaults,
  fact: { actor: ActorId; clock: VectorClock },
): string | undefined {
  for (const [other, seq] of Object.entries(fact.clock) as [ActorId, number][]) {
    // Of a scope that has outgrown its clock nothing can be said.
    if (other === fact.actor || !isTracked(fact.clock)) continue;
    const under = vaults.of(other).begun === undefined ? 0 : 1;
    if (seq > vaults.last(other) + under) {
      return `knows turn ${seq} of ${other}, which is at ${vaults.last(other)}`;
    }
  }
  return undefined;
}

function letterFault(vaults: Vaults, { actor, letters }: TurnFact): string | undefined {
  for (const { to, number } of letters) {
    const highest = vaults.highest.get(`${actor}>${to}`) ?? 0;
    if (number <= highest) return `uses the number ${number} to ${to} a second time`;
  }
  return undefined;
}
