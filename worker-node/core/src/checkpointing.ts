/**
 * When actors are checkpointed, and how far the turn log may be trimmed.
 *
 * Only dirty actors are, by rule: turns, time, idleness, after a takeover, before a handover, and the
 * oldest first when the log holds too many bytes beyond the checkpoints.
 *
 * D1  a checkpoint is put only for a durable turn (the put is a send: it waits for the append).
 * D2  one capture or put of an actor is under way at a time.
 * D3  the log is trimmed only before the first fact that a dirty actor still needs.
 * D4  a rest is put only on top of a whole checkpoint, the one that stands in the store.
 */
import { type ActorId, type Bytes, type FromRunner, limits, type TimerChange } from '@troupe/model';
import { type Activation, inMessages } from './activation.ts';
import { type CheckpointHead, encodeCheckpoint, encodeRest } from './checkpoint.ts';
import type { Core } from './core.ts';
import type { NodeEvent, NodeSend } from './events.ts';
import type { NodeFact } from './facts.ts';
import { type Memory, unheard } from './memory.ts';

type Stored = Extract<NodeEvent, { kind: 'checkpoint-stored' }>;
type PutOrder = Extract<NodeSend, { kind: 'put-checkpoint' }>;
type Captured = Extract<FromRunner, { kind: 'captured' }>;

/** Captures and puts under way at once, beyond those that a drain asks for. */
const underWayMax = 64;
/** A rest with more than so many bytes of deltas would be no quicker than a whole checkpoint. */
const restBytesMax = 600_000;
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
  #bytesBehind = 0;
  /** The log is trimmed in steps of so many bytes: a quarter of what is kept, within bounds. */
  readonly #trimStepBytes: number;
  /** Log growth: position and bytes up to it, a mark each step. */
  readonly #marks: { readonly position: number; readonly bytes: number }[] = [];
  #logBytes = 0;
  #trimmedBytes = 0;

  constructor(core: Core) {
    this.#core = core;
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
    if (checkpoint.turnsBehind >= this.#core.config.checkpointTurns) this.begin(activation);
  }

  /** After a takeover the chain is shortened soon: a second failure should not read it again. */
  onLive(activation: Activation): void {
    if (activation.chain.length > 0) this.#takenOver.set(activation, this.#core.now);
  }

  /** Starts a checkpoint of a live actor; answers false when one is under way or it cannot be. */
  begin(activation: Activation): boolean {
    const { checkpoint, runner, phase } = activation;
    if (checkpoint.underWay !== undefined || runner === undefined) return false;
    if (phase !== 'live' && phase !== 'releasing') return false;
    // Soon it is at another runner.
    if (phase === 'live' && activation.trial?.state === 'tried') return false;
    this.capture(activation);
    return true;
  }

  /** Asks its runner for its state, to store it. */
  capture(activation: Activation): void {
    const { checkpoint, runner } = activation;
    if (runner === undefined) return;
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
    if (!this.#putRest(activation)) this.begin(activation);
  }

  /** The runner gave the state at the last turn it has ended, which is the last one ended here. */
  onCaptured(captured: Captured): void {
    const activation = this.#core.actors.get(captured.actor);
    if (activation?.memory === undefined || activation.checkpoint.underWay !== 'capture') return;
    if (captured.request !== activation.epoch) return;
    const { memory, checkpoint } = activation;
    memory.sessions.forget(this.#core.now);
    this.#core.uses.isOf(activation, captured.state.length);
    const head = this.#headOf(activation, memory.seq);
    const past = this.#core.lines.capture(activation, head, captured.state);
    const body = encodeCheckpoint(head, memory, captured.state, this.#core, past.listed);
    checkpoint.since = checkpoint.collecting ? { deltas: [], bytes: 0 } : undefined;
    this.#put(activation, memory, body, past.order);
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
    if (stored.revision === undefined) {
      checkpoint.since = undefined;
      // Somebody newer wrote: this incarnation is being fenced, or will be told to leave.
      const text = `a newer checkpoint of ${stored.actor} stands in the store`;
      this.#core.out.work({ kind: 'log', level: 'warn', text });
      return;
    }
    checkpoint.revision = stored.revision;
    checkpoint.isRest = checkpoint.putIsRest;
    this.#core.lines.onStored(activation);
    const lives = this.#core.rewinds.onStored(activation);
    if (activation.chain.length > 0 || activation.rewind.back === 'stored') {
      activation.chain = [];
      activation.rewind.back = undefined;
      this.#rebased.add(activation);
      this.#tellRebased([activation]);
    }
    if (lives) this.#core.hosting.live(activation);
    this.#core.departures.changed(activation);
    if (activation.leaveMemoryAfterCheckpoint) this.#leaveMemory(activation);
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

  /** It leaves memory as soon as it is idle. */
  stop(actor: ActorId, epoch: number): void {
    const activation = this.#core.actors.get(actor);
    if (activation?.epoch !== epoch || activation.phase !== 'live') return;
    activation.lastTurnAt = Number.NEGATIVE_INFINITY;
    this.#leaveIdle();
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
    this.#beginDue();
    this.#leaveIdle();
    this.#trim();
  }

  /** D4 */
  #putRest(activation: Activation): boolean {
    const { memory, checkpoint } = activation;
    const { since, underWay, isRest, revision } = checkpoint;
    if (memory === undefined || since === undefined || underWay !== undefined) return false;
    if (isRest || revision === 0 || activation.chain.length > 0) return false;
    memory.sessions.forget(this.#core.now);
    this.#underWay.add(activation);
    const head = this.#headOf(activation, memory.seq);
    const past = this.#core.lines.rest(activation);
    const body = encodeRest(head, memory, since.deltas, this.#core, past);
    this.#put(activation, memory, body, { onTop: true });
    return true;
  }

  #headOf({ id, birth, epoch }: Activation, seq: number): CheckpointHead {
    const floor = { log: this.#core.config.log, position: this.#core.durableAt };
    return { actor: id, birth, epoch, seq, floor };
  }

  #put(
    activation: Activation,
    memory: Memory,
    body: Bytes,
    more: Pick<PutOrder, 'onTop' | 'segment' | 'dropped'>,
  ): void {
    const rest = more.onTop === true;
    const { id, epoch, checkpoint } = activation;
    this.#clean(activation);
    checkpoint.letters = unheard(memory);
    checkpoint.parked = memory.begun?.parked === true;
    checkpoint.underWay = 'put';
    checkpoint.putIsRest = rest;
    if (!rest) checkpoint.bytes = body.length;
    const { revision: expected } = checkpoint;
    const put = { actor: id, epoch, seq: memory.seq, body, expected } as const;
    this.#core.out.send({ kind: 'put-checkpoint', ...put, ...more });
  }

  /** Somebody older wrote over what the rest was to lie on: a whole one goes over that. */
  #lieAnew(activation: Activation): void {
    const { checkpoint } = activation;
    checkpoint.since = undefined;
    checkpoint.dirtyFrom ??= checkpoint.putFrom ?? this.#core.durableAt;
    this.#dirty.add(activation);
    this.#core.departures.changed(activation);
  }

  #rebaseDue(): void {
    for (const [activation, since] of this.#takenOver) {
      if (this.#core.now - since < this.#core.config.rebaseMs) return;
      if (this.#underWay.size >= underWayMax) return;
      if (activation.chain.length === 0 || this.begin(activation)) {
        this.#takenOver.delete(activation);
      }
    }
  }

  #beginDue(): void {
    let behind = this.#bytesBehind;
    const { logBytesBeyondCheckpointsMax, checkpointMs } = this.#core.config;
    for (const activation of this.#dirty) {
      if (this.#underWay.size >= underWayMax) return;
      const old = this.#core.now - activation.checkpoint.dirtySince >= checkpointMs;
      if (!old && behind <= logBytesBeyondCheckpointsMax) return;
      behind -= activation.checkpoint.bytesBehind;
      this.begin(activation);
    }
  }

  #leaveIdle(): void {
    const { idleMs } = this.#core.config;
    for (const activation of this.#core.actors.values()) {
      if (activation.phase !== 'live' || this.#core.now - activation.lastTurnAt < idleMs) continue;
      // A capture under way would be lost, and nobody would know.
      if (!this.#isIdle(activation) || activation.checkpoint.underWay === 'capture') continue;
      if (!this.isBehind(activation)) this.#core.hosting.leaveMemory(activation);
      else if (this.#underWay.size < underWayMax) {
        activation.leaveMemoryAfterCheckpoint = this.begin(activation);
      }
    }
  }

  #isIdle(activation: Activation): boolean {
    return hasNothingToDo(activation) && !this.#core.deadLetters.isAwaited(activation);
  }

  #leaveMemory(activation: Activation): void {
    activation.leaveMemoryAfterCheckpoint = false;
    if (activation.phase !== 'live' || !this.#isIdle(activation) || this.isBehind(activation))
      return;
    this.#core.hosting.leaveMemory(activation);
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

function keepAtHand({ checkpoint }: Activation, delta: Bytes): void {
  const { since } = checkpoint;
  if (since === undefined) return;
  since.deltas.push(delta);
  since.bytes += delta.length;
  if (since.bytes > restBytesMax) checkpoint.since = undefined;
}

function hasNothingToDo(activation: Activation): boolean {
  return (
    activation.dispatched.length === 0 &&
    activation.mailbox.length === 0 &&
    activation.reads.size === 0 &&
    (activation.memory === undefined || unheard(activation.memory) === 0)
  );
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
