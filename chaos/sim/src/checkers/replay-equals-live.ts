/** What is rebuilt from the store is what was live: a scheduler from image and journal, an actor from
 *  checkpoint and chain. */

import { limits, sameBytes } from '@troupe/model';
import type { SchedulerMachine } from '@troupe/scheduler-core';
import { beginningOf, isOfBirth, type Memory, replay } from '@troupe/worker-node-core';
import type { MakeChecker } from './checker.ts';
import { type ActorTruth, sameOutcome, type Truth, type TurnTruth } from './truth.ts';

export const replayEqualsLive: MakeChecker = (truth, violate) => ({
  restored({ actor: id, epoch, node, checkpoint, facts }) {
    const actor = truth.actors.get(id);
    // A fenced node may still read: what it comes to counts for nothing.
    if (actor === undefined || actor.epoch !== epoch || actor.node !== node) return;
    try {
      const { body, base } = checkpoint ?? {};
      const { memory } = beginningOf(actor, body, truth.now(), base);
      for (const fact of facts) {
        if (isOfBirth(fact, actor.birth)) replay(memory, id, fact, truth.now());
      }
      // Of one that has ended only what it had received and answered is of use to anybody.
      if (actor.endedAt !== undefined) return;
      const fault = difference(memory, actor, (turn) => mayBeForgotten(truth, turn));
      if (fault !== undefined) violate(`${id} on ${node} is read back with ${fault}`);
    } catch (thrown) {
      violate(`${id} on ${node} cannot be read back: ${String(thrown)}`);
    }
  },
  activated(id, ids, node) {
    const actor = truth.actors.get(id);
    if (actor === undefined || actor.node !== node) return;
    if (ids.length === actor.ids.length && ids.every((one, at) => one === actor.ids[at])) return;
    violate(`${id} on ${node} starts with ${ids.length} turns, ${actor.ids.length} are durable`);
  },
  followed(process, machine) {
    compare(truth, process, machine, violate);
  },
  atRest({ machines }) {
    for (const { name, machine } of machines) compare(truth, name, machine, violate);
    truth.follower.checkInvariants();
  },
});

function compare(
  truth: Truth,
  name: string,
  machine: SchedulerMachine,
  violate: (text: string) => void,
): void {
  if (machine.factCount !== truth.follower.factCount) return;
  if (sameBytes(machine.image(), truth.follower.image())) return;
  violate(`${name} has another state than the ${machine.factCount} facts of the journal give`);
}

/** A session that was silent for long, or for a night, is forgotten by the next checkpoint. */
function mayBeForgotten(truth: Truth, turn: TurnTruth | undefined): boolean {
  if (turn === undefined || turn.nights < truth.nights) return true;
  return turn.at < truth.now() - limits.deadlineMsMax;
}

/** Numbers of the signals that wait, behind how many ever came. */
function keptIn({ signals }: Memory): string {
  const { count, kept } = signals.store();
  return `${kept.map(({ number }) => number).join(' ')} of ${count}`;
}

/** Numbers and attempts of the letters that have failed, and how many were discarded. */
function lettersIn({ letters }: Memory): string {
  const { next, discards, dead, tried } = letters.store(0);
  const kept = dead.map(({ number, attempts }) => `${number}:${attempts}`).join(' ');
  const again = tried.map(([sender, letter, attempts]) => `${sender} ${letter}:${attempts}`).sort();
  return `${kept} of ${next}, ${discards} discarded, ${again.join(', ')} again`;
}

/** What of the live memory is missing in the one that was read back. */
function difference(
  read: Memory,
  actor: ActorTruth,
  mayBeForgotten: (turn: TurnTruth | undefined) => boolean,
): string | undefined {
  const { memory: live, turns } = actor;
  if (read.seq !== live.seq) return `turn ${read.seq} as its last, ${live.seq} is`;
  for (const [sender, number] of live.recv) {
    const known = read.recv.get(sender) ?? 0;
    if (known !== number) return `letter ${known} of ${sender} as the last, ${number} is`;
  }
  const begun = live.begun?.seq;
  if (begun !== undefined && read.begun?.seq !== begun) return `turn ${begun} not begun`;
  const kept = keptIn(live);
  if (keptIn(read) !== kept) return `signals ${keptIn(read)}, ${kept} are kept`;
  const dead = lettersIn(live);
  if (lettersIn(read) !== dead) return `dead letters ${lettersIn(read)}, ${dead} are`;
  const readLetters = new Map(read.outbox.store().map(([to, next]) => [to, next]));
  for (const [to, next] of live.outbox.store()) {
    const known = readLetters.get(to) ?? 1;
    if (known !== next) return `letter ${known} to ${to} as the next, ${next} is`;
  }
  for (const [session, low, , replies] of live.sessions.store(0)) {
    const window = read.sessions.window(session);
    for (const [number, outcome] of replies) {
      if (number < Math.max(low, window?.low ?? 0)) continue;
      if (mayBeForgotten(turns.get(`${session}:${number}`))) continue;
      const known = window?.replies.get(number);
      if (known === undefined || !sameOutcome(known, outcome)) {
        return `no reply to ${session}:${number}`;
      }
    }
  }
  return undefined;
}
