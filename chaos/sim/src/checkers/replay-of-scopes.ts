/**
 * What is rebuilt from the store while a scope goes back in time, and after it, is what was live: an
 * actor of the scope is read back as its present past has it, or as it was until then while it is still
 * to go back, with nothing of what was abandoned; and a scheduler that is restored anywhere on the way,
 * and follows from there, comes to the state of one that never was.
 */
import { type ActorId, sameBytes } from '@troupe/model';
import { SchedulerMachine } from '@troupe/scheduler-core';
import { beginningOf, headOf, isOfBirth, type Memory, replay } from '@troupe/worker-node-core';
import type { Checker, MakeChecker } from './checker.ts';
import type { Truth } from './truth.ts';
import { idsIn, type Vault } from './vaults.ts';

export const replayOfScopes: MakeChecker = (truth, violate) => ({
  ...followers(truth, violate),
  restored({ actor: id, epoch, node, checkpoint, facts }) {
    const actor = truth.actors.get(id);
    const place = truth.vaults.placeOf(id);
    // A fenced node may still read: what it comes to counts for nothing.
    if (actor === undefined || place?.epoch !== epoch || place.node !== node) return;
    try {
      const { body, base } = checkpoint ?? {};
      const past = pastOf(truth, id, headOf(body, actor.birth)?.epoch ?? 0);
      const { memory } = beginningOf(actor, body, truth.now(), base);
      for (const fact of facts) {
        if (isOfBirth(fact, actor.birth)) replay(memory, id, fact, truth.now());
      }
      const fault = difference(memory, past, truth, id);
      if (fault !== undefined) violate(`${id} on ${node} is read back with ${fault}`);
    } catch (thrown) {
      violate(`${id} on ${node} cannot be read back: ${String(thrown)}`);
    }
  },
  activated(id, ids, node) {
    const { vaults } = truth;
    if (vaults.placeOf(id)?.node !== node) return;
    // Its runner may have been given what it was a moment before.
    const pasts = [vaults.of(id), vaults.formerOf(id)];
    const known = pasts.flatMap((past) => (past === undefined ? [] : [idsIn(past).join()]));
    if (known.includes(ids.join())) return;
    violate(`${id} on ${node} starts with [${ids}], and was made by [${known[0]}]`);
  },
});

/** What an actor is to be read back as, from a checkpoint of this epoch. */
function pastOf({ vaults }: Truth, id: ActorId, storedEpoch: number): Vault {
  const isBack = storedEpoch >= vaults.incarnation;
  return isBack ? vaults.of(id) : (vaults.formerOf(id) ?? vaults.of(id));
}

/** What of a past is missing in the memory that was read back. */
function difference(
  read: Memory,
  past: Vault,
  { actors, vaults }: Truth,
  id: ActorId,
): string | undefined {
  const last = past.turns.at(-1)?.seq ?? 0;
  if (read.seq !== last) return `turn ${read.seq} as its last, ${last} is`;
  if (past.begun !== undefined && read.begun === undefined) return `no turn that has begun`;
  for (const other of vaults.all.keys()) {
    const taken = past.turns.reduce((most, { took }) => {
      return took?.from === other ? Math.max(most, took.number) : most;
    }, 0);
    const known = read.recv.get(`${other}#${actors.get(other)?.birth}`) ?? 0;
    if (known !== taken) return `letter ${known} of ${other} as the last, ${taken} is`;
    const sent = vaults.highest.get(`${id}>${other}`) ?? 0;
    const next = read.outbox.nextNumber(other);
    if (next !== sent + 1) return `letter ${next} to ${other} as the next, ${sent + 1} is`;
  }
  return undefined;
}

/** Schedulers that are restored before each step of a going back, and follow to its end. */
function followers(
  truth: Truth,
  violate: (text: string) => void,
): Required<Pick<Checker, 'journalFact'>> {
  let following: { readonly before: string; readonly machine: SchedulerMachine }[] = [];
  return {
    journalFact(fact, position) {
      const { vaults, follower, config } = truth;
      if (!vaults.isUnderWay) {
        for (const { before, machine } of following) {
          if (sameBytes(machine.image(), follower.image())) continue;
          violate(`a scheduler restored before ${before} has another state at fact ${position}`);
        }
        following = [];
      }
      if (vaults.isStep(fact)) {
        const machine = SchedulerMachine.restore(config, follower.image());
        following.push({ before: `${fact.kind} at ${position}`, machine });
      }
      for (const { machine } of following) machine.apply(fact);
    },
  };
}
