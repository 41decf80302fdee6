/**
 * When actors are checkpointed, and how far the turn log may be trimmed.
 *
 * Only dirty actors are, by rule: turns, time, idleness (`passivation.ts`), after a takeover, before a
 * handover, and the oldest first when the log holds too many bytes beyond the checkpoints.
 *
 * D1  a checkpoint is put only for a durable turn (the put is a send: it waits for the append).
 * D2  one capture or put of an actor is under way at a time.
 * D3  the log is trimmed only before the first fact that a dirty actor still needs.
 * D4  a rest is put only on top of a whole checkpoint, the one that stands in the store.
 * D5  of those that are stored the last one stays, and what it lies on (V1).
 * D6  an increment is only the first one after a whole one, of an actor whose past is not kept.
 */
import {
  type Abandoned,
  type ActorId,
  type Bytes,
  type CheckpointCause,
  type CheckpointMade,
  type FromRunner,
  limits,
  type TimerChange,
} from '@troupe/model';
import { type Activation, inMessages } from './activation.ts';
import { type CheckpointHead, encodeCheckpoint, encodeRest } from './checkpoint.ts';
import type { Core } from './core.ts';
import type { NodeEvent, NodeSend } from './events.ts';
import type { NodeFact } from './facts.ts';
import { forgetOld, type Memory, unheard } from './memory.ts';
import { checkpointAfterMs, failuresMs } from './pace.ts';
import { servingCode } from './state-code.ts';
import { type Versions, versionsKeptDefault, withVersion } from './versions.ts';

type Stored = Extract<NodeEvent, { kind: 'checkpoint-stored' }>;
type Restored = Extract<NodeEvent, { kind: 'restored' }>;
type PutOrder = Extract<NodeSend, { kind: 'put-checkpoint' }>;
type Order = Pick<PutOrder, 'onTop' | 'segment' | 'dropped'>;
type Captured = Extract<FromRunner, { kind: 'captured' }>;

/** Captures and puts under way at once, beyond those that a drain asks for. */
const underWayMax = 64;
/** A rest with more than so many bytes of deltas would be no quicker than a whole checkpoint. */
const restBytesMax = 600_000;
/** An increment is written of so large a state, and of no more changes than this share of it. */
const incrementBytesMinDefault = 64 * 1024;
const incrementShareMax = 0.25;
/** Bytes of bookkeeping in a fact, beside what users put into it. */
const factBytes = 160;
const trimStepBytesMax = 8 * 1024 * 1024;
const trimStepBytesMin = 64 * 1024;

export class Checkpointing {
  readonly #core: Core;
  /** Actors with facts beyond their checkpoint, oldest first. */
  readonly #dirty = new Set<Activation>();
  readonly #underWay = new Set<Activation>();
  /** Live with a chain behind them, and since when: oldest first. */
  readonly #takenOver = new Map<Activation, number>();
  /** A checkpoint of this epoch is stored, the leader has not said that it knows. */
  readonly #rebased = new Set<Activation>();
  /** An increment of these is due by their turns. */
  readonly #increments = new Set<Activation>();
  #bytesBehind = 0;
  /** Nodes fail: actors of one came here not long ago. */
  #failingUntil = Number.NEGATIVE_INFINITY;
  /** The log is trimmed in steps of so many bytes: a quarter of what is kept, within bounds. */
  readonly #trimStepBytes: number;
  readonly #incrementBytesMin: number;
  /** Log growth: position and bytes up to it, a mark each step. */
  readonly #marks: { readonly position: number; readonly bytes: number }[] = [];
  #logBytes = 0;
  #trimmedBytes = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#incrementBytesMin = core.config.incrementBytesMin ?? incrementBytesMinDefault;
    const step = Math.min(trimStepBytesMax, core.config.logBytesKeptMax / 4);
    this.#trimStepBytes = Math.max(trimStepBytesMin, step);
  }

  onFact(activation: Activation, fact: NodeFact): void {
    const { checkpoint } = activation;
    const bytes = bytesOf(fact);
    if (checkpoint.dirtyFrom === undefined) {
      checkpoint.dirtyFrom = this.#core.durableAt;
      checkpoint.dirtySince = this.#core.now;
      this.#dirty.add(activation);
    }
    checkpoint.bytesBehind += bytes;
    this.#bytesBehind += bytes;
    if (fact.kind !== 'turn') return;
    if (fact.delta !== undefined) keepAtHand(activation, fact.delta);
    checkpoint.turnsBehind += 1;
    if (checkpoint.turnsBehind < this.#core.config.checkpointTurns) return;
    // Its memory does not hold this turn yet.
    if (this.#isIncrement(activation, 'turns')) this.#increments.add(activation);
    else this.begin(activation, 'turns');
  }

  /** After a takeover the chain is shortened soon: a second failure should not read it again. */
  onLive(activation: Activation): void {
    if (activation.chain.length > 0) {
      this.#takenOver.set(activation, this.#core.now);
      this.#failingUntil = this.#core.now + failuresMs;
    }
    if (activation.checkpoint.damaged) this.begin(activation, 'repair');
    else if (activation.seed !== undefined && activation.checkpoint.revision === 0) {
      this.begin(activation, 'fork');
    }
  }

  /** It was read back from an older one than the last: what it did since then is needed until there is
   *  another one. */
  onDamaged(activation: Activation, { damaged, checkpoint: from, last }: Restored): void {
    const { id, checkpoint, ownFrom } = activation;
    const by = from === undefined ? 'its log alone' : `checkpoint ${from.revision} and the log`;
    const text = `${damaged?.message}; ${id} was brought back by ${by}`;
    this.#core.out.work({ kind: 'log', level: 'error', text });
    checkpoint.damaged = true;
    if (last !== undefined) checkpoint.revision = last;
    // Nothing is put on top of it.
    checkpoint.isRest = true;
    checkpoint.dirtyFrom = Math.min(checkpoint.dirtyFrom ?? ownFrom, ownFrom);
    checkpoint.dirtySince = this.#core.now;
    this.#dirty.add(activation);
  }

  /** Starts a checkpoint of a live actor; answers false when one is under way or it cannot be. */
  begin(activation: Activation, cause: CheckpointCause): boolean {
    const { checkpoint, runner, phase } = activation;
    if (checkpoint.underWay !== undefined || runner === undefined) return false;
    if (phase !== 'live' && phase !== 'releasing') return false;
    // Soon it is at another runner.
    if (phase === 'live' && activation.trial?.state === 'tried') return false;
    if (this.#isIncrement(activation, cause) && this.#putRest(activation, cause)) return true;
    this.capture(activation, cause);
    return true;
  }

  /** Another one may be begun that nothing urges. */
  get hasRoom(): boolean {
    return this.#underWay.size < underWayMax;
  }

  /** Asks its runner for its state, to store it. */
  capture(activation: Activation, cause: CheckpointCause): void {
    const { checkpoint, runner } = activation;
    if (runner === undefined) return;
    checkpoint.cause = cause;
    checkpoint.begunAt = this.#core.now;
    checkpoint.underWay = 'capture';
    this.#underWay.add(activation);
    this.#core.runners.frame(runner, {
      kind: 'capture',
      actor: activation.id,
      request: activation.epoch,
    });
  }

  /** After which position of the own log the store does not know what it has done; undefined when it
   *  knows all. */
  uncovered({ checkpoint }: Activation): number | undefined {
    const { dirtyFrom, putFrom, underWay } = checkpoint;
    return underWay === 'put' && putFrom !== undefined ? putFrom : dirtyFrom;
  }

  /** It is dirty from its beginning, by facts of the epoch before. */
  inherit(activation: Activation, from: number): void {
    const { checkpoint } = activation;
    activation.lived = true;
    activation.ownFrom = from;
    checkpoint.dirtyFrom = from;
    checkpoint.dirtySince = this.#core.now;
    this.#dirty.add(activation);
  }

  /** Its memory is another one. */
  onMemory({ checkpoint, memory }: Activation): void {
    if (memory === undefined) return;
    checkpoint.letters = unheard(memory);
    checkpoint.parked = memory.begun?.parked === true;
  }

  /** It is about to leave: from its checkpoint on, what it changes is kept at hand. */
  collect(activation: Activation): void {
    const { checkpoint } = activation;
    checkpoint.collecting = true;
    const whole = checkpoint.revision > 0 && !checkpoint.isRest;
    if (whole && !this.#dirty.has(activation)) checkpoint.since = { deltas: [], bytes: 0 };
  }

  /** Writes what it did beyond its checkpoint: as a rest where that can be, else whole. */
  finish(activation: Activation): void {
    if (!this.#putRest(activation, 'handover')) this.begin(activation, 'handover');
  }

  /** The runner gave the state at the last turn it has ended, which is the last one ended here. */
  onCaptured(captured: Captured): void {
    const activation = this.#core.actors.get(captured.actor);
    if (activation?.memory === undefined || activation.checkpoint.underWay !== 'capture') return;
    if (captured.request !== activation.epoch) return;
    const { memory, checkpoint } = activation;
    forgetOld(memory, this.#core.now);
    this.#core.uses.isOf(activation, captured.state.length);
    const head = this.#headOf(activation, memory.seq);
    const past = this.#core.lines.capture(activation, head, captured.state);
    const more = { ...past.listed, ...this.#madeOf(activation) };
    const body = encodeCheckpoint(head, memory, captured.state, this.#core, more);
    const isLarge = captured.state.length >= this.#incrementBytesMin;
    const collects = checkpoint.collecting || isLarge;
    checkpoint.since = collects ? { deltas: [], bytes: 0 } : undefined;
    this.#put(activation, memory, body, withoutSeed(activation, past.order));
    if (activation.trial !== undefined) this.#core.mailboxes.pump(activation);
  }

  onStored(stored: Stored): void {
    const activation = this.#core.actors.get(stored.actor);
    if (activation === undefined || activation.epoch !== stored.epoch) return;
    if (activation.checkpoint.underWay !== 'put') return;
    activation.checkpoint.underWay = undefined;
    this.#underWay.delete(activation);
    if (activation.phase === 'ending') return this.#core.wishes.onStored(activation, stored);
    const { checkpoint } = activation;
    if (stored.baseGone === true) return this.#lieAnew(activation);
    if (stored.rival !== undefined) {
      this.#isBehindAgain(activation);
      return this.#core.quarantine.onRival(activation, stored.seq, stored.rival);
    }
    if (stored.revision === undefined) {
      checkpoint.since = undefined;
      // Somebody newer wrote: this incarnation is being fenced, or will be told to leave.
      const text = `a newer checkpoint of ${stored.actor} stands in the store`;
      this.#core.out.work({ kind: 'log', level: 'warn', text });
      return;
    }
    checkpoint.revision = stored.revision;
    checkpoint.isRest = checkpoint.putIsRest;
    checkpoint.damaged = false;
    activation.seed = undefined;
    this.#keep(activation, stored.revision);
    this.#core.lines.onStored(activation);
    const lives = this.#core.rewinds.onStored(activation);
    if (activation.chain.length > 0 || activation.rewind.back === 'stored') this.rebase(activation);
    if (lives) this.#core.hosting.live(activation);
    this.#core.departures.changed(activation);
    this.#core.passivation.onStored(activation);
  }

  /** What stands in the store holds all that it did: no log is needed. */
  rebase(activation: Activation): void {
    activation.chain = [];
    activation.rewind.back = undefined;
    this.#rebased.add(activation);
    this.#tellRebased([activation]);
  }

  /** Letters were taken that the checkpoint holds as open: they are not asked to be taken for ever. */
  onTaken(activation: Activation): void {
    const { memory, checkpoint } = activation;
    if (memory === undefined || memory.outbox.size >= checkpoint.letters) return;
    if (checkpoint.dirtyFrom !== undefined || activation.phase === 'ending') return;
    checkpoint.dirtyFrom = this.#core.durableAt;
    checkpoint.dirtySince = this.#core.now;
    this.#dirty.add(activation);
  }

  /** Whoever has the actor next goes on from a checkpoint of this epoch. */
  isRebased(activation: Activation): boolean {
    return activation.chain.length === 0 && !this.#rebased.has(activation);
  }

  onRebasedSeen(actors: readonly { readonly actor: ActorId; readonly epoch: number }[]): void {
    for (const { actor, epoch } of actors) {
      const activation = this.#core.actors.get(actor);
      if (activation !== undefined && epoch >= activation.epoch) this.#rebased.delete(activation);
    }
  }

  onDurable(position: number, bytes: number): void {
    this.#logBytes += bytes;
    const last = this.#marks.at(-1)?.bytes ?? 0;
    if (this.#logBytes - last >= this.#trimStepBytes) {
      this.#marks.push({ position, bytes: this.#logBytes });
    }
  }

  /** Its runner is gone, and a capture with it; a put goes on. The facts are still in the log. */
  onRunnerLost(activation: Activation): void {
    if (activation.checkpoint.underWay !== 'capture') return;
    activation.checkpoint.underWay = undefined;
    this.#underWay.delete(activation);
  }

  forget(activation: Activation): void {
    this.#clean(activation);
    this.#takenOver.delete(activation);
    this.#underWay.delete(activation);
    this.#rebased.delete(activation);
    this.#increments.delete(activation);
  }

  /** Whether its checkpoint must be written anew before it leaves. Letters that were taken are no
   *  facts: read back with too many of them, it would refuse the call that wakes it. */
  isBehind(activation: Activation): boolean {
    const { checkpoint, memory } = activation;
    const taken = memory !== undefined && unheard(memory) < checkpoint.letters;
    // Read back without it, a turn that waits would run once more, to find that it waits.
    const parked = memory !== undefined && (memory.begun?.parked === true) !== checkpoint.parked;
    if (this.#dirty.has(activation) || parked) return true;
    return taken && checkpoint.letters > limits.outboxLettersMax;
  }

  /** Every `resendMs`. */
  tick(): void {
    this.#tellRebased([...this.#rebased]);
    this.#rebaseDue();
    for (const activation of this.#increments) this.begin(activation, 'turns');
    this.#increments.clear();
    this.#beginDue();
    this.#trim();
  }

  /** D6: an increment is a rest, between two whole ones. */
  #isIncrement({ checkpoint, past }: Activation, cause: CheckpointCause): boolean {
    const { since, bytes, collecting, isRest } = checkpoint;
    if (cause !== 'time' && cause !== 'turns' && cause !== 'log') return false;
    if (since === undefined || collecting || isRest || bytes < this.#incrementBytesMin)
      return false;
    if (past === undefined || this.#core.lines.keeps(past)) return false;
    return since.bytes <= bytes * incrementShareMax;
  }

  /** D4 */
  #putRest(activation: Activation, cause: CheckpointCause): boolean {
    const { memory, checkpoint } = activation;
    const { since, underWay, isRest, revision } = checkpoint;
    if (memory === undefined || since === undefined || underWay !== undefined) return false;
    if (isRest || revision === 0 || activation.chain.length > 0) return false;
    forgetOld(memory, this.#core.now);
    this.#underWay.add(activation);
    const head = this.#headOf(activation, memory.seq);
    const past = this.#core.lines.rest(activation);
    checkpoint.cause = cause;
    checkpoint.begunAt = this.#core.now;
    const more = { ...past, ...this.#madeOf(activation) };
    const body = encodeRest(head, memory, since.deltas, this.#core, more);
    this.#put(activation, memory, body, { onTop: true });
    // The next one is whole.
    if (!checkpoint.collecting) checkpoint.since = undefined;
    return true;
  }

  #madeOf(activation: Activation): {
    made: CheckpointMade;
    versions: Versions;
    abandoned?: Abandoned;
  } {
    const { cause, begunAt, versions, abandoned } = activation.checkpoint;
    const code = servingCode(activation, activation.memory?.madeBy);
    const tookMs = Math.round(this.#core.now - begunAt);
    const known = { made: { cause, tookMs, code }, versions };
    return abandoned.length === 0 ? known : { ...known, abandoned };
  }

  /** D5 */
  #keep({ id, checkpoint }: Activation, revision: number): void {
    const { versions: kept = versionsKeptDefault } = this.#core.config;
    const { putAt: at, putTurn: turn, isRest } = checkpoint;
    const stored = { revision, at, turn, isRest };
    const { versions, before } = withVersion(checkpoint.versions, stored, kept);
    checkpoint.versions = versions;
    if (before !== undefined) this.#core.out.work({ kind: 'free-checkpoints', actor: id, before });
  }

  #headOf({ id, birth, epoch, rewind }: Activation, seq: number): CheckpointHead {
    const floor = { log: this.#core.config.log, position: this.#core.durableAt };
    const { incarnation: backAt } = rewind;
    const head = { actor: id, birth, epoch, seq, floor };
    return backAt === 0 ? head : { ...head, backAt };
  }

  #put(activation: Activation, memory: Memory, body: Bytes, more: Order): void {
    const rest = more.onTop === true;
    const { id, epoch, checkpoint } = activation;
    this.#clean(activation);
    checkpoint.letters = unheard(memory);
    checkpoint.parked = memory.begun?.parked === true;
    checkpoint.underWay = 'put';
    checkpoint.putIsRest = rest;
    const isHanded = rest && checkpoint.collecting && body.length <= limits.handedBytesMax;
    checkpoint.rest = isHanded ? { body, on: checkpoint.revision } : undefined;
    checkpoint.putAt = this.#core.wall;
    checkpoint.putTurn = memory.seq;
    if (!rest) checkpoint.bytes = body.length;
    const { revision: expected } = checkpoint;
    const put = { actor: id, epoch, seq: memory.seq, body, expected } as const;
    this.#core.out.send({ kind: 'put-checkpoint', ...put, ...more });
  }

  /** Somebody older wrote over what the rest was to lie on: a whole one goes over that. */
  #lieAnew(activation: Activation): void {
    this.#isBehindAgain(activation);
    this.#core.departures.changed(activation);
  }

  /** What was put is not there. */
  #isBehindAgain(activation: Activation): void {
    const { checkpoint } = activation;
    checkpoint.since = undefined;
    // Whatever it did since then came after that.
    checkpoint.dirtyFrom = checkpoint.putFrom ?? checkpoint.dirtyFrom ?? this.#core.durableAt;
    this.#dirty.add(activation);
  }

  #rebaseDue(): void {
    for (const [activation, since] of this.#takenOver) {
      if (this.#core.now - since < this.#core.config.rebaseMs) return;
      if (this.#underWay.size >= underWayMax) return;
      if (activation.chain.length === 0 || this.begin(activation, 'takeover')) {
        this.#takenOver.delete(activation);
      }
    }
  }

  #beginDue(): void {
    let behind = this.#bytesBehind;
    const { logBytesBeyondCheckpointsMax, checkpointMs } = this.#core.config;
    for (const activation of this.#dirty) {
      if (this.#underWay.size >= underWayMax) return;
      const dirtyMs = this.#core.now - activation.checkpoint.dirtySince;
      const old = dirtyMs >= this.#waitsMs(activation);
      if (!old && behind <= logBytesBeyondCheckpointsMax) {
        // Nobody behind it is due: it became dirty no sooner.
        if (dirtyMs < checkpointMs) return;
        continue;
      }
      behind -= activation.checkpoint.bytesBehind;
      this.begin(activation, old ? 'time' : 'log');
    }
  }

  /** V3, V4 */
  #waitsMs({ checkpoint }: Activation): number {
    const { checkpointMs: leastMs, checkpointMsMax: mostMs = leastMs } = this.#core.config;
    const { bytes: stateBytes, bytesBehind: changedBytes } = checkpoint;
    const failing = this.#core.now < this.#failingUntil;
    return checkpointAfterMs({ leastMs, mostMs }, { stateBytes, changedBytes }, failing);
  }

  #trim(): void {
    const keep = this.#core.config.logBytesKeptMax;
    let before: { readonly position: number; readonly bytes: number } | undefined;
    const needed = this.#firstNeeded();
    while (this.#marks[0] !== undefined) {
      const mark = this.#marks[0];
      if (this.#logBytes - mark.bytes < keep || mark.position > needed) break;
      before = mark;
      this.#marks.shift();
    }
    if (before === undefined || before.bytes <= this.#trimmedBytes) return;
    this.#trimmedBytes = before.bytes;
    this.#core.out.send({ kind: 'trim-log', before: before.position });
  }

  /** Position at which the first fact lies that no stored checkpoint covers (D3). */
  #firstNeeded(): number {
    let first = this.#core.durableAt;
    for (const { checkpoint } of this.#dirty)
      first = Math.min(first, checkpoint.dirtyFrom ?? first);
    for (const { checkpoint } of this.#underWay)
      first = Math.min(first, checkpoint.putFrom ?? first);
    return first;
  }

  /** The capture under way covers every fact so far. */
  #clean(activation: Activation): void {
    const { checkpoint } = activation;
    this.#bytesBehind -= checkpoint.bytesBehind;
    checkpoint.bytesBehind = 0;
    checkpoint.turnsBehind = 0;
    checkpoint.putFrom = checkpoint.dirtyFrom;
    checkpoint.dirtyFrom = undefined;
    this.#dirty.delete(activation);
  }

  #tellRebased(activations: readonly Activation[]): void {
    const { incarnation } = this.#core.config;
    for (const actors of inMessages(activations)) {
      this.#core.out.send({ kind: 'to-leader', message: { kind: 'rebased', incarnation, actors } });
    }
  }
}

/** What it was made with is not needed any more once it has a checkpoint. */
function withoutSeed({ seed }: Activation, order: Order): Order {
  return seed === undefined ? order : { ...order, dropped: [...(order.dropped ?? []), seed] };
}

function keepAtHand({ checkpoint }: Activation, delta: Bytes): void {
  const { since } = checkpoint;
  if (since === undefined) return;
  since.deltas.push(delta);
  since.bytes += delta.length;
  const most = checkpoint.collecting ? restBytesMax : checkpoint.bytes * incrementShareMax;
  if (since.bytes > Math.min(most, restBytesMax)) checkpoint.since = undefined;
}

function bytesOf(fact: NodeFact): number {
  switch (fact.kind) {
    case 'turn': {
      const reply = fact.outcome.ok ? fact.outcome.value.length : 200;
      const letters = fact.letters.reduce((sum, one) => sum + one.args.length + factBytes, 0);
      const timers = fact.timers?.reduce((sum, one) => sum + bytesOfChange(one), 0) ?? 0;
      const dead = fact.letterEnd?.kind === 'dead' ? fact.letterEnd.args.length : 0;
      return factBytes + (fact.delta?.length ?? 0) + reply + letters + timers + dead;
    }
    case 'turn-begun':
      return factBytes + fact.args.length;
    case 'turn-recorded': {
      const { outcome } = fact.recorded;
      return factBytes + (outcome?.ok === true ? outcome.value.length : 200);
    }
    case 'signalled':
    case 'turn-yielded':
      return factBytes + fact.value.length;
    case 'clock-pruned':
      return factBytes + Object.keys(fact.ended).reduce((sum, id) => sum + id.length, 0);
    case 'letter-discarded':
    case 'actor-released':
    case 'actor-ended':
    case 'barrier':
      return factBytes;
  }
}

function bytesOfChange(change: TimerChange): number {
  return factBytes + (change.kind === 'set' ? change.args.length : 0);
}
