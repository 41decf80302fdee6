/**
 * When actors are checkpointed, and how far the turn log may be trimmed.
 *
 * Only dirty actors are, by rule: turns, time, idleness, after a takeover, before a handover, and the
 * oldest first when the log holds too many bytes beyond the checkpoints.
 *
 * D1  a checkpoint is put only for a durable turn (the put is a send: it waits for the append).
 * D2  one capture or put of an actor is under way at a time.
 * D3  the log is trimmed only before the first fact that a dirty actor still needs.
 */
import { type ActorId, type FromRunner, limits } from '@troupe/model';
import { type Activation, inMessages } from './activation.ts';
import { encodeCheckpoint } from './checkpoint.ts';
import type { Core } from './core.ts';
import type { NodeEvent } from './events.ts';
import type { NodeFact } from './facts.ts';

type Stored = Extract<NodeEvent, { kind: 'checkpoint-stored' }>;
type Captured = Extract<FromRunner, { kind: 'captured' }>;

/** Captures and puts under way at once, beyond those that a drain asks for. */
const underWayMax = 64;
/** Bytes of bookkeeping in a fact, beside what users put into it. */
const factBytes = 160;
/** The log is trimmed in steps of so many bytes. */
const trimStepBytes = 8 * 1024 * 1024;

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
  /** Log growth: position and bytes up to it, a mark each `trimStepBytes`. */
  readonly #marks: { readonly position: number; readonly bytes: number }[] = [];
  #logBytes = 0;
  #trimmedBytes = 0;

  constructor(core: Core) {
    this.#core = core;
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
    checkpoint.underWay = 'capture';
    this.#underWay.add(activation);
    this.#core.runners.frame(runner, {
      kind: 'capture',
      actor: activation.id,
      request: activation.epoch,
    });
    return true;
  }

  /** The runner gave the state at the last turn it has ended, which is the last one ended here. */
  onCaptured(captured: Captured): void {
    const activation = this.#core.actors.get(captured.actor);
    if (activation?.memory === undefined || activation.checkpoint.underWay !== 'capture') return;
    if (captured.request !== activation.epoch) return;
    const { id, birth, epoch, memory, checkpoint } = activation;
    memory.sessions.forget(this.#core.now);
    const floor = { log: this.#core.config.log, position: this.#core.durableAt };
    const head = { actor: id, birth, epoch, seq: memory.seq, floor };
    const body = encodeCheckpoint(head, memory, captured.state, this.#core);
    this.#clean(activation);
    checkpoint.letters = memory.outbox.size;
    checkpoint.underWay = 'put';
    this.#core.out.send({
      kind: 'put-checkpoint',
      actor: id,
      epoch,
      seq: memory.seq,
      body,
      expected: checkpoint.revision,
    });
  }

  onStored(stored: Stored): void {
    const activation = this.#core.actors.get(stored.actor);
    if (activation === undefined || activation.epoch !== stored.epoch) return;
    if (activation.checkpoint.underWay !== 'put') return;
    activation.checkpoint.underWay = undefined;
    this.#underWay.delete(activation);
    if (activation.phase === 'ending') return this.#core.wishes.onStored(activation, stored);
    if (stored.revision === undefined) {
      // Somebody newer wrote: this incarnation is being fenced, or will be told to leave.
      const text = `a newer checkpoint of ${stored.actor} stands in the store`;
      this.#core.out.work({ kind: 'log', level: 'warn', text });
      return;
    }
    activation.checkpoint.revision = stored.revision;
    if (activation.chain.length > 0) {
      activation.chain = [];
      this.#rebased.add(activation);
      this.#tellRebased([activation]);
    }
    this.#core.handover.onCheckpointed(activation);
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

  onRebasedSeen(actors: readonly { readonly actor: ActorId; readonly epoch: number }[]): void {
    for (const { actor, epoch } of actors) {
      const activation = this.#core.actors.get(actor);
      if (activation !== undefined && epoch >= activation.epoch) this.#rebased.delete(activation);
    }
  }

  onDurable(position: number, bytes: number): void {
    this.#logBytes += bytes;
    const last = this.#marks.at(-1)?.bytes ?? 0;
    if (this.#logBytes - last >= trimStepBytes) {
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
    const taken = memory !== undefined && memory.outbox.size < checkpoint.letters;
    return this.#dirty.has(activation) || (taken && checkpoint.letters > limits.outboxLettersMax);
  }

  /** Every `resendMs`. */
  tick(): void {
    this.#tellRebased([...this.#rebased]);
    this.#rebaseDue();
    this.#beginDue();
    this.#leaveIdle();
    this.#trim();
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
      if (!isIdle(activation)) continue;
      if (!this.isBehind(activation)) this.#core.hosting.leaveMemory(activation);
      else if (this.#underWay.size < underWayMax) {
        activation.leaveMemoryAfterCheckpoint = this.begin(activation);
      }
    }
  }

  #leaveMemory(activation: Activation): void {
    activation.leaveMemoryAfterCheckpoint = false;
    if (activation.phase !== 'live' || !isIdle(activation) || this.isBehind(activation)) return;
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

function isIdle(activation: Activation): boolean {
  return (
    activation.dispatched.length === 0 &&
    activation.mailbox.length === 0 &&
    activation.reads.size === 0 &&
    (activation.memory?.outbox.size ?? 0) === 0
  );
}

function bytesOf(fact: NodeFact): number {
  switch (fact.kind) {
    case 'turn': {
      const reply = fact.outcome.ok ? fact.outcome.value.length : 200;
      const letters = fact.letters.reduce((sum, one) => sum + one.args.length + factBytes, 0);
      return factBytes + (fact.delta?.length ?? 0) + reply + letters;
    }
    case 'turn-begun':
      return factBytes + fact.args.length;
    case 'turn-recorded': {
      const { outcome } = fact.recorded;
      return factBytes + (outcome?.ok === true ? outcome.value.length : 200);
    }
    case 'actor-released':
    case 'actor-ended':
    case 'barrier':
      return factBytes;
  }
}
