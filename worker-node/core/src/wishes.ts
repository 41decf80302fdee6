/**
 * What is wished of actors beyond living: to be paused, or to end. It comes with their placement.
 *
 *   live ⇄ paused          (it begins no turn; calls wait in its mailbox until their deadline)
 *     └──┴──▶ ending       (its letters are taken, then its tombstone is stored)
 *               └──▶ settled ──settled-seen──▶ dropped
 *
 * E1  a wish that is older than the one known changes nothing.
 * E2  after `actor-ended` no turn of this birth stands in any log: `ending` is irreversible by the journal,
 *     so no other node runs it either.
 * E3  an actor is said to have ended when its letters were taken, and its tombstone stands in the store.
 *     Letters to an actor that is being destroyed too die with both; those that nobody takes are given
 *     up when they were sent again for `limits.endingMs`.
 * E4  a paused actor begins no turn; one that runs goes on to its end, reads are answered.
 */
import {
  type ActorId,
  type ActorWish,
  limits,
  nodeAddress,
  type Place,
  type SettledActor,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import { encodeCheckpoint } from './checkpoint.ts';
import type { Core } from './core.ts';
import { isGivenUp } from './given-up.ts';
import { freshMemory } from './memory.ts';
import { remainsOf } from './tombstone.ts';

/** Actors in one message to the leader. */
const toldMax = 256;

interface Ending {
  /** The first look for receivers that was for its letters. */
  readonly firstLook: number;
  /** How often its letters were sent again: a machine that slept has not tried. */
  tries: number;
  /** Its end has a turn number, and its tombstone may be put. */
  kind: 'letters' | 'tombstone';
}

export class Wishes {
  readonly #core: Core;
  /** Paused or ending here; of those that have settled, until the leader knows. */
  readonly #wished = new Set<Activation>();
  readonly #endings = new Map<Activation, Ending>();
  #looks = 0;
  /** As wished; told until the leader says that it knows, and again when it asks again. */
  readonly #settled = new Map<Activation, { readonly entry: SettledActor; seen: boolean }>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** It is placed here for the first time. */
  onPlaced(activation: Activation): void {
    if (activation.wish.kind !== 'live') this.#begin(activation);
  }

  /** The placement came again, perhaps with another wish. */
  onPlace(activation: Activation, { wish }: Place): void {
    if (wish === undefined || wish.at < activation.wish.at) return;
    // Wherever it goes, the wish goes with it.
    if (activation.phase === 'releasing' || activation.phase === 'released') return;
    if (wish.at === activation.wish.at) return this.#sayAgain(activation);
    this.#settled.delete(activation);
    const wasGivenUp = isGivenUp(activation);
    activation.wish = wish;
    if (isGivenUp(activation)) this.#core.givenUp.begin(activation);
    if (wish.kind === 'ending') this.#core.departures.abandon(activation);
    if (wish.kind !== 'live') return this.#begin(activation);
    this.#wished.delete(activation);
    if (wasGivenUp) this.#core.givenUp.end(activation);
    this.#core.mailboxes.pump(activation);
  }

  /** It could be read back, or could not: then nothing is known of what it had received. */
  onRestored(activation: Activation): void {
    activation.memory ??= freshMemory();
    this.#end(activation);
  }

  onTurnEnd(activation: Activation): void {
    if (this.#wished.has(activation)) this.#quiet(activation);
  }

  /** A letter of it was taken. */
  onTaken(activation: Activation): void {
    if (this.#endings.has(activation)) this.#bury(activation);
  }

  /** Its tombstone stands in the store, or what was put before it. */
  onStored(activation: Activation, { revision }: { readonly revision?: number }): void {
    const ending = this.#endings.get(activation);
    if (revision !== undefined) activation.checkpoint.revision = revision;
    if (ending?.kind !== 'tombstone') return this.#bury(activation);
    // Without a revision a newer one stands there: this incarnation is being fenced.
    if (revision === undefined) return;
    this.#endings.delete(activation);
    const seq = activation.memory?.seq ?? 0;
    this.#settle(activation, { ...entryOf(activation), revision, seq });
  }

  onSeen(actors: readonly SettledActor[]): void {
    for (const { actor, epoch, wish } of actors) {
      const activation = this.#core.actors.get(actor);
      if (activation?.epoch !== epoch || activation.wish.at !== wish.at) continue;
      const settled = this.#settled.get(activation);
      if (settled === undefined) continue;
      settled.seen = true;
      if (wish.kind === 'ending') this.#core.hosting.drop(activation);
    }
    this.#core.handover.onDropped();
  }

  /** It is being destroyed too: what those that end here have written to it dies with both. An answer to an earlier
   *  look says nothing to those that end since: another one may be there by now. */
  onGone(actor: ActorId, look = Number.POSITIVE_INFINITY): void {
    for (const [activation, { firstLook }] of [...this.#endings]) {
      if (firstLook > look) continue;
      if ((activation.memory?.outbox.drop(actor) ?? 0) > 0) this.#bury(activation);
    }
  }

  forget(activation: Activation): void {
    this.#wished.delete(activation);
    this.#endings.delete(activation);
    this.#settled.delete(activation);
  }

  /** Every `resendMs`. */
  tick(): void {
    this.#tell([...this.#settled.values()].flatMap(({ entry, seen }) => (seen ? [] : [entry])));
    this.#looks += 1;
    for (const [activation, ending] of this.#endings) {
      ending.tries += 1;
      if (ending.tries * this.#core.config.resendMs > limits.endingMs) {
        this.#giveUpLetters(activation);
      } else this.#askForReceivers(activation);
    }
    for (const activation of this.#wished) {
      if (activation.wish.kind === 'paused') this.#core.mailboxes.refusePaused(activation);
    }
  }

  #begin(activation: Activation): void {
    this.#wished.add(activation);
    if (activation.wish.kind === 'paused') return this.#quiet(activation);
    if (activation.phase === 'ending' || activation.phase === 'restoring') return;
    if (activation.memory !== undefined) this.#end(activation);
    // What it has received must be known, so that the next of its name knows it.
    else this.#core.hosting.wake(activation);
  }

  #quiet(activation: Activation): void {
    if (activation.wish.kind !== 'paused' || activation.dispatched.length > 0) return;
    // The turn of an upgrade may be under way, too.
    if (this.#settled.has(activation) || this.#core.upgrades.isTried(activation)) return;
    this.#settle(activation, entryOf(activation));
  }

  #end(activation: Activation): void {
    const { id, birth, epoch, memory } = activation;
    if (memory === undefined) return;
    for (const { work } of [...activation.dispatched, ...activation.reads]) {
      if (activation.runner === undefined) break;
      this.#core.runners.frame(activation.runner, { kind: 'cancel', work });
    }
    const seq = memory.seq + 1;
    this.#core.turns.end(activation, { kind: 'actor-ended', actor: id, birth, epoch, seq });
    this.#core.mailboxes.endAll(activation);
    this.#core.hosting.leaveRunner(activation);
    this.#core.trials.leave(activation);
    this.#core.turns.abandon(activation);
    // Until its tombstone is stored its facts are needed, if another node has to do this again.
    this.#core.checkpointing.onRunnerLost(activation);
    activation.phase = 'ending';
    activation.building = undefined;
    this.#endings.set(activation, { firstLook: this.#looks + 1, tries: 0, kind: 'letters' });
    // What it wrote to itself dies with it.
    memory.outbox.drop(id);
    this.#core.post.resendAll(activation);
    this.#bury(activation);
  }

  /** Stores what is left, once nothing is owed and nothing of it is on its way to the store. */
  #bury(activation: Activation): void {
    const { memory, checkpoint, id, birth, epoch } = activation;
    const ending = this.#endings.get(activation);
    if (memory === undefined || ending === undefined || memory.outbox.size > 0) return;
    if (checkpoint.underWay !== undefined) return;
    ending.kind = 'tombstone';
    checkpoint.underWay = 'put';
    const { now, config, durableAt } = this.#core;
    const floor = { log: config.log, position: durableAt };
    // Whatever else there is of it goes with it.
    const head = { actor: id, birth, epoch, seq: memory.seq, floor, backAt: epoch };
    // Its past is listed, so that whoever has to do this again frees it too.
    const { listed, dropped: past } = this.#core.lines.remains(activation);
    const { seed } = activation;
    const dropped = seed === undefined ? past : [...past, seed];
    const left = remainsOf(memory, now);
    const body = encodeCheckpoint(head, left, new Uint8Array(0), this.#core, listed);
    this.#core.out.send({
      kind: 'put-checkpoint',
      actor: id,
      epoch,
      seq: memory.seq,
      body,
      expected: checkpoint.revision,
      last: true,
      ...(dropped.length === 0 ? {} : { dropped }),
    });
  }

  #askForReceivers({ memory, scope }: Activation): void {
    const replyTo = nodeAddress(this.#core.config.incarnation);
    for (const actor of memory?.outbox.receivers() ?? []) {
      const look = this.#looks;
      const message = { kind: 'resolve', actor, scope, replyTo, ending: true, look } as const;
      this.#core.out.send({ kind: 'to-leader', message });
    }
  }

  #giveUpLetters(activation: Activation): void {
    const outbox = activation.memory?.outbox;
    for (const to of outbox?.receivers() ?? []) {
      const count = outbox?.drop(to) ?? 0;
      const text = `${activation.id} was destroyed; ${to} did not take ${count} letters of it`;
      this.#core.out.work({ kind: 'log', level: 'warn', text });
    }
    this.#bury(activation);
  }

  #sayAgain(activation: Activation): void {
    const settled = this.#settled.get(activation);
    if (settled === undefined) return;
    // Whoever leads now has not heard it.
    settled.seen = false;
    this.#tell([settled.entry]);
  }

  #settle(activation: Activation, entry: SettledActor): void {
    this.#settled.set(activation, { entry, seen: false });
    this.#tell([entry]);
  }

  #tell(entries: readonly SettledActor[]): void {
    const { incarnation } = this.#core.config;
    for (let from = 0; from < entries.length; from += toldMax) {
      const actors = entries.slice(from, from + toldMax);
      this.#core.out.send({ kind: 'to-leader', message: { kind: 'settled', incarnation, actors } });
    }
  }
}

function entryOf({ id, epoch, wish }: Activation): SettledActor & { readonly wish: ActorWish } {
  return { actor: id, epoch, wish };
}
