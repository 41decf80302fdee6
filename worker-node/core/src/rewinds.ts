/**
 * The part of a node in taking a scope back in time. First its actors are held: they append nothing, so
 * that a line through them stays where it is found. Then each is what it was at its line, under a new
 * epoch.
 *
 *   live ──hold──▶ held ──place (new epoch)──▶ restoring ──▶ returning ──▶ starting ──▶ returning ──▶ live
 *                   │                                       what it was    its runner   checkpoint
 *                   └──── let go ──▶ cold, live             is read        has it       is stored
 *
 * J3  a held actor appends nothing, and what it had appended was durable before that was said.
 * J4  an actor that is to go back takes no turn before a checkpoint of what it was stands in the store
 *     under the new epoch: what that holds counts, and no fact of an older one.
 * J5  of a scope that went back no message from before that is taken in by its actors.
 */
import {
  type ActorId,
  type AskPassage,
  type Call,
  type Failure,
  failure,
  failureOf,
  type HoldActors,
  isFailure,
  knowsNothingBeyond,
  type Letter,
  type LetterAck,
  type Line,
  type Owed,
  type Passage,
  type Place,
  type TakeBack,
  withAbandoned,
} from '@troupe/model';
import type { Activation } from './activation.ts';
import type { Core } from './core.ts';
import type { Memory } from './memory.ts';
import { OlderLetters } from './older-letters.ts';
import { lastTurnOf, reachesBirth } from './past.ts';
import { passageOf, rewoundMemory, rewoundPast, settledMemory } from './rewound.ts';
import type { Rolled } from './roll-forward.ts';
import { actorSessionPrefix } from './sessions.ts';

/** To where an actor goes back. */
interface Return {
  readonly line: Line;
  readonly owed: Owed;
}

/** What an actor is at its line. */
interface AtLine extends Return {
  readonly former: Memory;
  /** Undefined: it keeps all its turns, and its state. */
  readonly rolled?: Rolled;
  readonly older?: OlderLetters;
}

export class Rewinds {
  readonly #core: Core;
  /** Who is asked where it stands, by which question. */
  readonly #asked = new Map<Activation, number>();
  readonly #returns = new Map<Activation, Return>();

  constructor(core: Core) {
    this.#core = core;
  }

  onHold({ ask, at, actors }: HoldActors): void {
    for (const { actor, epoch } of actors) {
      const activation = this.#core.actors.get(actor);
      if (activation?.epoch !== epoch) continue;
      // It was let go since this was asked.
      if (activation.rewind.at > at) continue;
      this.#asked.set(activation, ask);
      this.#hold(activation, at);
      this.#answer(activation);
    }
  }

  /** It is placed here for the first time, under this epoch. */
  onPlaced(activation: Activation): void {
    if (activation.rewind.held) this.#stop(activation);
  }

  /** The placement came again. */
  onPlace(activation: Activation, { rewind }: Place): void {
    if (rewind === undefined || rewind.at <= activation.rewind.at) return;
    if (rewind.held === true) return this.#hold(activation, rewind.at);
    activation.rewind.at = rewind.at;
    if (!activation.rewind.held) return;
    activation.rewind.held = false;
    this.#asked.delete(activation);
    if (activation.phase === 'held') this.#core.hosting.revive(activation);
  }

  /** It is in memory. True when it goes no further, or not as it is. */
  onRestored(activation: Activation, storedEpoch: number): boolean {
    const { rewind } = activation;
    if (rewind.held) {
      this.#held(activation);
      return true;
    }
    if (rewind.back === undefined) return false;
    if (storedEpoch >= rewind.incarnation) {
      rewind.back = 'stored';
      return false;
    }
    activation.phase = 'returning';
    this.#return(activation);
    return true;
  }

  onFailed(activation: Activation, reason: Failure): void {
    const ask = this.#asked.get(activation);
    if (ask === undefined) return;
    this.#asked.delete(activation);
    this.#tell(activation, ask, reason);
  }

  /** What was on its way to the store is there. True when that was what it had to wait for to live. */
  onStored(activation: Activation): boolean {
    if (activation.phase === 'held') this.#answer(activation);
    if (activation.rewind.back !== 'due') return false;
    activation.rewind.back = 'stored';
    this.#returns.delete(activation);
    // Its runner was lost meanwhile: it is read back from what is there now.
    if (activation.phase === 'cold') this.#core.hosting.wake(activation);
    return activation.phase === 'returning';
  }

  /** What it was is on its way to the store: whatever is read back before that is there is neither. */
  isBeingStored({ rewind, checkpoint }: Activation): boolean {
    return rewind.back === 'due' && checkpoint.underWay === 'put';
  }

  onAskPassage({ ask, line, actors }: AskPassage): void {
    const { incarnation } = this.#core.config;
    for (const { actor, epoch, owed } of actors) {
      const activation = this.#core.actors.get(actor);
      if (activation?.epoch !== epoch || activation.phase !== 'held') continue;
      const tell = (passage: Passage | Failure): void => {
        const message = { kind: 'passage-found', incarnation, ask, actor, epoch, passage } as const;
        this.#core.out.send({ kind: 'to-leader', message });
      };
      this.#atLine(activation, { line, owed: owed ?? [] }, (found) => {
        if (isFailure(found)) return tell(found);
        const { memory } = activation;
        const passage = passageOf(found.former, memory?.outbox, line);
        // How it can be had is asked; the rest is known already.
        tell(owed === undefined ? passage : { sent: [], taken: [] });
      });
    }
  }

  onTakeBack({ incarnation, line, actors }: TakeBack): void {
    for (const { actor, epoch, owed } of actors) {
      const activation = this.#core.actors.get(actor);
      if (activation?.epoch !== epoch || activation.rewind.incarnation !== incarnation) continue;
      if (activation.rewind.back !== 'due') continue;
      // It could not be brought into memory before.
      if (activation.phase === 'cold') this.#core.hosting.wake(activation);
      if (this.#returns.has(activation)) continue;
      this.#returns.set(activation, { line, owed });
      this.#return(activation);
    }
  }

  /** Its runner has what it was. */
  onActivated(activation: Activation): boolean {
    if (activation.rewind.back !== 'due') return false;
    activation.phase = 'returning';
    this.#core.checkpointing.capture(activation, 'rewind');
    return true;
  }

  /** All that it was is read anew. */
  onRunnerLost(activation: Activation): void {
    if (activation.rewind.back !== 'due') return;
    activation.memory = undefined;
    activation.past = undefined;
  }

  forget(activation: Activation): void {
    this.#asked.delete(activation);
    this.#returns.delete(activation);
  }

  /** J5: it comes from a past that is no more, or from a time that has not begun here. */
  isOfAnother(activation: Activation, message: Call | Letter | LetterAck): boolean {
    if (message.scope !== activation.scope) return false;
    const own = activation.rewind.incarnation;
    // Clients and tasks belong to no scope: they only name the one that they call in.
    if (message.kind === 'call' && !message.caller.session.startsWith(actorSessionPrefix)) {
      return false;
    }
    return (message.incarnation ?? 0) !== own;
  }

  #hold(activation: Activation, at: number): void {
    const { rewind } = activation;
    if (rewind.held && rewind.at >= at) return;
    rewind.at = at;
    rewind.held = true;
    this.#stop(activation);
  }

  /** Takes it from its runner, as if that had ended. */
  #stop(activation: Activation): void {
    this.#core.departures.abandon(activation);
    switch (activation.phase) {
      case 'starting':
      case 'live':
      case 'releasing':
        this.#core.turns.takeOut(activation);
        this.#core.checkpointing.onRunnerLost(activation);
        this.#core.hosting.leaveRunner(activation);
        this.#core.trials.leave(activation);
        activation.building = undefined;
        return this.#held(activation);
      case 'cold':
        if (activation.memory === undefined) this.#core.hosting.wake(activation);
        else this.#held(activation);
        return;
      default:
      // It is being read back, or is not here any more.
    }
  }

  #held(activation: Activation): void {
    activation.phase = 'held';
    activation.building = undefined;
    this.#answer(activation);
  }

  #answer(activation: Activation): void {
    const ask = this.#asked.get(activation);
    const { past, phase, checkpoint } = activation;
    if (ask === undefined || phase !== 'held' || past === undefined) return;
    // What it is restored from next is there first.
    if (checkpoint.underWay === 'put') return;
    this.#asked.delete(activation);
    this.#tell(activation, ask, lastTurnOf(past));
  }

  #tell({ id: actor, epoch }: Activation, ask: number, turn: number | Failure): void {
    const { incarnation } = this.#core.config;
    const found = [{ actor, epoch, turn }];
    this.#core.out.send({
      kind: 'to-leader',
      message: { kind: 'turns-found', incarnation, ask, found },
    });
  }

  #return(activation: Activation): void {
    const back = this.#returns.get(activation);
    const { memory: present, past, phase } = activation;
    if (back === undefined || phase !== 'returning' || activation.runner !== undefined) return;
    if (present === undefined || past === undefined) return;
    this.#atLine(activation, back, (found) => {
      if (activation.phase !== 'returning' || activation.memory !== present) return;
      const memory = isFailure(found) ? found : this.#become(activation, found);
      if (isFailure(memory)) return this.#core.hosting.failStart(activation, memory);
      activation.memory = memory;
      this.#core.checkpointing.onMemory(activation);
      this.#core.hosting.start(activation);
    });
  }

  #become(activation: Activation, { rolled, ...at }: AtLine): Memory | Failure {
    const { id, memory: present, past } = activation;
    if (present === undefined || past === undefined) return notInMemory(id);
    const memory = rewoundMemory({ id, present, ...at }, this.#core.now);
    if ('lacks' in memory) return lost(id, memory.lacks);
    const seq = at.line[id] ?? 0;
    rewoundPast(past, { seq, memory, line: at.line }, rolled?.facts);
    // Nobody goes back to what was abandoned.
    const { checkpoint } = activation;
    checkpoint.versions = checkpoint.versions.filter(([, , turn]) => turn <= seq);
    checkpoint.abandoned = withAbandoned(checkpoint.abandoned, [seq + 1, memory.seq - 1]);
    if (rolled !== undefined) {
      activation.building = { state: rolled.state, deltas: rolled.deltas };
    }
    return memory;
  }

  /** How the actor is at the line, with all letters that it owes. */
  #atLine(activation: Activation, back: Return, found: (at: AtLine | Failure) => void): void {
    const { id, memory: present, past } = activation;
    if (present === undefined || past === undefined) return found(notInMemory(id));
    const seq = back.line[id] ?? 0;
    const settle = (at: AtLine): void => {
      const whole = rewoundMemory({ id, present, ...at }, this.#core.now);
      if ('lacks' in whole) this.#lookFurther(activation, at, 1, found);
      else found(at);
    };
    if (seq === lastTurnOf(past)) {
      return settle({
        ...back,
        former: settledMemory(id, present, past, back.line, this.#core.now),
      });
    }
    this.#roll(activation, back.line, seq, (rolled) => {
      if (isFailure(rolled)) found(rolled);
      else settle({ ...back, former: rolled.memory, rolled });
    });
  }

  /** Rolls forward to a turn, with the signals that knew nothing beyond the line. */
  #roll(
    activation: Activation,
    line: Line,
    seq: number,
    found: (rolled: Rolled | Failure) => void,
  ): void {
    const { id, past, heir } = activation;
    if (past === undefined) return found(notInMemory(id));
    const fromBirth = past.segments.every(({ to }) => to > seq);
    // What one had received that was destroyed before it under its name is not known at its birth.
    const isKept = this.#core.lines.versionAt(activation, seq) !== undefined;
    if (fromBirth && !isKept && (heir || !reachesBirth(past))) {
      return found(failure('TOO_FAR_BACK', `turn ${seq} of ${id} is not kept`, { actor: id }));
    }
    this.#core.lines.former(activation, seq, found, ({ clock }) => {
      return knowsNothingBeyond(clock, line);
    });
  }

  /** A letter in transit was taken long ago, and is to be found in one of the last `count` segments before
   *  the line, or in none. */
  #lookFurther(
    activation: Activation,
    at: AtLine,
    count: number,
    found: (at: AtLine | Failure) => void,
  ): void {
    const { id, past, memory: present } = activation;
    if (past === undefined || present === undefined) return found(notInMemory(id));
    const seq = at.line[id] ?? 0;
    const { segments } = past;
    const after = segments.findIndex((one) => one.to > seq);
    const end = after < 0 ? segments.length : after;
    const first = Math.max(0, end - count);
    const fromBirth = first === 0 && reachesBirth(past);
    // Beyond a segment that leads past the line its facts were rolled forward already.
    const rest = after < 0 && (first < end || fromBirth) ? [...past.facts] : [];
    this.#core.lines.readPast(activation, segments.slice(first, end), (bodies) => {
      if (isFailure(bodies)) return found(bodies);
      try {
        const there = bodies.filter((body) => body !== undefined);
        const older = OlderLetters.in({ bodies: there, fromBirth, rest }, this.#core.now);
        const whole = rewoundMemory({ id, present, ...at, older }, this.#core.now);
        if (!('lacks' in whole)) found({ ...at, older });
        else if (first > 0) this.#lookFurther(activation, at, count * 2, found);
        else found(lost(id, whole.lacks));
      } catch (thrown) {
        found(failureOf(thrown, 'LOG_CORRUPT'));
      }
    });
  }
}

function notInMemory(id: ActorId): Failure {
  return failure('UNAVAILABLE', `actor ${id} is not in memory`, { actor: id });
}

function lost(id: ActorId, letter: string): Failure {
  return failure('TOO_FAR_BACK', `letter ${letter} of ${id} is not kept any more`, { actor: id });
}
