/**
 * Turns at their runners: handed over in order, gated when they leave the actor, ended by one fact.
 *
 * T1  turns of one actor end in the order in which they were handed over; one that was cancelled
 *     before it began leaves the line.
 * T2  a turn's effects leave only after `turn-begun`, its records and those before it are durable
 *     (they are sends; the loop releases sends after the append).
 * T3  a read commits nothing, and its reply waits for an append first sent after the read ran.
 * T4  a crash is counted against an input only when that alone can have caused it (see trials.ts).
 */
import {
  assert,
  type Bytes,
  boundedFailure,
  clockChanges,
  encodeValue,
  errorTable,
  type Failure,
  type FromRunner,
  failure,
  limits,
  mergeClocks,
  type Outcome,
  type Recorded,
  tickClock,
  upgradeMethod,
  type VectorClock,
} from '@troupe/model';
import { type Activation, callIdOf, type Input, type Turn } from './activation.ts';
import type { Core } from './core.ts';
import { applyEnd } from './end-of-actor.ts';
import type { RunnerId } from './events.ts';
import type { NodeFact, OutboxLetter } from './facts.ts';
import { typeOf } from './hosting.ts';
import { onRecalled } from './mailbox-order.ts';
import { applyTurn, type BegunTurn, letterPart, record, sameCause, senderOf } from './memory.ts';
import { mannerOf } from './outbox.ts';
import { costsRunners } from './own-failures.ts';
import type { UpgradedTo } from './state-code.ts';
import { firingOf, mannerOfTimer } from './timers.ts';

type Frame<K extends FromRunner['kind']> = Extract<FromRunner, { kind: K }>;

const nothing: Outcome = { ok: true, value: encodeValue(null) };

/** Makes a trial longer than any limit. */
const suspectedOverdue = 12;
/** How long a runner may go on beyond the limit it was given before it is killed. */
const limitGraceMs = 5_000;

export class Turns {
  readonly #core: Core;
  readonly #byWork = new Map<number, Turn>();
  #works = 0;
  #total = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** A number for work at a runner; tasks share the numbers. */
  nextWork(): number {
    this.#works += 1;
    return this.#works;
  }

  get total(): number {
    return this.#total;
  }

  get running(): number {
    return this.#byWork.size;
  }

  dispatch(activation: Activation, input: Input): void {
    const turn = this.#turn(activation, input, false);
    const begun = this.#begunBy(activation, input);
    if (begun !== undefined) turn.recorded = begun.recorded;
    else turn.atWork = new Map();
    activation.dispatched.push(turn);
    if (activation.dispatched.length === 1) this.#first(turn);
    this.#hand(turn);
  }

  dispatchRead(activation: Activation, input: Input): void {
    const turn = this.#turn(activation, input, true);
    activation.reads.add(turn);
    this.#first(turn);
    this.#hand(turn);
  }

  /** A turn that had begun before a failover runs again first, whether or not anyone waits. */
  resumeBegun(activation: Activation): void {
    const { parked } = activation;
    if (parked !== undefined) activation.mailbox.unshift(parked);
    activation.parked = undefined;
    this.#queueBegun(activation);
    this.#core.waits.onResumed(activation);
  }

  #queueBegun(activation: Activation): void {
    const begun = activation.memory?.begun;
    if (begun === undefined) return;
    if (begun.cause.kind === 'letter') {
      const sender = senderOf(begun.cause.from, begun.cause.fromBirth);
      // After a runner's crash later ones wait behind it already, and are not taken twice.
      const taken = activation.queuedLetters.get(sender) ?? 0;
      activation.queuedLetters.set(sender, Math.max(taken, begun.cause.number));
    }
    this.#core.timers.queued(activation, begun.cause);
    const queued = activation.mailbox.findIndex((one) => sameCause(one.cause, begun.cause));
    if (queued >= 0) {
      const [input] = activation.mailbox.splice(queued, 1);
      if (input !== undefined) activation.mailbox.unshift(input);
      return;
    }
    const input: Input = {
      cause: begun.cause,
      method: begun.method,
      read: false,
      args: begun.args,
      path: begun.path,
      ...letterPart(begun),
      clock: undefined,
      replyTo: undefined,
      crashes: 0,
      cancelled: false,
    };
    activation.mailbox.unshift(input);
    if (begun.cause.kind !== 'call') return;
    const { session, number } = begun.cause;
    const open = activation.open.get(session) ?? new Map<number, Input>();
    open.set(number, input);
    activation.open.set(session, open);
  }

  onDone(frame: Frame<'turn-done'>): void {
    const turn = this.#byWork.get(frame.work);
    if (turn === undefined) return;
    this.#byWork.delete(frame.work);
    if (frame.skipped !== true) {
      const replyBytes = frame.outcome.ok ? frame.outcome.value.length : 0;
      this.#core.uses.ended(turn, frame, replyBytes);
    }
    if (turn.read) this.#endRead(turn, frame.outcome);
    else if (turn.input.cancelled && turn.activation.dispatched[0] !== turn) {
      this.#leaveLine(turn, frame.outcome);
    } else this.#end(turn, frame);
  }

  /** Its runner has given back what had not begun. */
  onRecalled({ actor, works }: Frame<'recalled'>, runner: RunnerId): void {
    const activation = this.#core.actors.get(actor);
    if (activation?.runner !== runner || !activation.recalling) return;
    for (const work of works) this.#byWork.delete(work);
    onRecalled(this.#core, activation, works);
    this.#core.mailboxes.pump(activation);
    this.#core.departures.changed(activation);
    this.#core.wishes.onTurnEnd(activation);
    this.#core.upgrades.changed(activation);
  }

  onStepBegin(frame: Frame<'step-begin'>): void {
    const turn = this.#byWork.get(frame.work);
    if (turn === undefined || turn.activation.runner === undefined) return;
    this.begin(turn);
    const { work, ordinal, name, undo } = frame;
    turn.atWork ??= new Map();
    turn.atWork.set(ordinal, frame);
    if (undo === true) this.#recordBegin(turn.activation, { ordinal, kind: 'step', name, undo });
    this.#core.runners.gatedFrame(turn.activation.runner, { kind: 'step-go', work, ordinal });
  }

  /** What is to be undone is known to whoever runs the turn next, also before it comes to anything. */
  #recordBegin(activation: Activation, step: Recorded): void {
    const known = activation.memory?.begun?.recorded.some(
      ({ ordinal }) => ordinal === step.ordinal,
    );
    if (known !== true) this.record(activation, step);
  }

  onStepDone(frame: Frame<'step-done'>): void {
    const turn = this.#byWork.get(frame.work);
    if (turn === undefined) return;
    const { ordinal, name, outcome, undo } = frame;
    turn.atWork?.delete(ordinal);
    const undone = undo === undefined ? {} : { undo };
    this.record(turn.activation, { ordinal, kind: 'step', name, outcome, ...undone });
  }

  /** Whether a turn or a read is at this runner. */
  runsAt(runner: RunnerId): boolean {
    for (const { activation } of this.#byWork.values()) {
      if (activation.runner === runner) return true;
    }
    return false;
  }

  turnOf(work: number): Turn | undefined {
    return this.#byWork.get(work);
  }

  /** Appends what the begun turn of this actor has recorded. */
  record(activation: Activation, recorded: Recorded, clock?: VectorClock): void {
    const { id, epoch, memory } = activation;
    if (memory?.begun === undefined) return;
    record(memory, memory.begun, recorded, this.#core.now);
    // Others know of this turn by its calls; the actor itself does when it has ended.
    const { [id]: _, ...others } = clock ?? {};
    const changes = clock === undefined ? undefined : clockChanges(memory.clock, others);
    if (clock !== undefined) memory.clock = mergeClocks(memory.clock, others);
    const { seq } = memory.begun;
    const fact = { kind: 'turn-recorded', actor: id, epoch, seq, recorded } as const;
    this.fact(activation, changes === undefined ? fact : { ...fact, clock: changes });
  }

  /**
   * What ran at a runner that has exited is tried, apart from the others; `alone`: the runner has held
   * nothing but this activation. What only that can have done is counted, up to
   * `limits.turnCrashesMax`.
   */
  onRunnerExited(lost: readonly Activation[], reason: string, alone: boolean): void {
    const wasTried = ({ trial }: Activation) => trial?.state === 'tried';
    const others = lost.filter((activation) => !wasTried(activation));
    for (const activation of [...lost.filter(wasTried), ...others]) {
      const turns = this.#takeLost(activation);
      const inputs = turns.map(({ input }) => input);
      const starts = activation.phase === 'starting' || activation.starts;
      const [only] = turns;
      const overdue = this.#core.starts.takeOverdue(activation);
      // What followed its state had not begun.
      if (alone && starts) {
        // One that could not be stopped would only take its time again.
        activation.startCrashes += overdue === undefined ? 1 : limits.turnCrashesMax;
      } else if (overdue !== undefined) activation.suspected = suspectedOverdue;
      else if (alone && turns.length === 1 && only !== undefined) {
        this.#blame(activation, only, reason);
      } else if (inputs.length > 0 || starts) activation.suspected += 1;
      else activation.suspected = 0;
      if (activation.startCrashes >= limits.turnCrashesMax) {
        this.#core.hosting.failStart(activation, overdue ?? crashedAtStart(activation, reason));
        continue;
      }
      const waiting = new Set(activation.mailbox);
      const left = inputs.filter((input) => waiting.has(input));
      const isTried = (left.length > 0 || starts) && !this.#core.departures.isQuiet(activation);
      if (isTried) this.#core.trials.summon(activation, left, wasTried(activation));
      else this.#core.trials.leave(activation);
      this.#core.hosting.revive(activation);
      this.#core.wishes.onTurnEnd(activation);
    }
  }

  /** What its runner had is in the mailbox again. */
  #takeLost(activation: Activation): Turn[] {
    activation.recalling = false;
    const turns = activation.dispatched.splice(0);
    const reads = [...activation.reads];
    activation.reads.clear();
    for (const { work } of [...turns, ...reads]) this.#byWork.delete(work);
    activation.mailbox.unshift(...turns.map(({ input }) => input));
    activation.mailbox.push(...reads.map(({ input }) => input));
    if (reads.length > 0) activation.readsWait = true;
    return [...turns, ...reads];
  }

  /** Its runner has given up what it was to run: the inputs, in order. */
  takeBack(activation: Activation): Input[] {
    activation.recalling = false;
    const turns = activation.dispatched.splice(0);
    for (const { work } of turns) this.#byWork.delete(work);
    return turns.map(({ input }) => input);
  }

  /** Its runner is left: what that had is to be run again, and what it had asked of others is asked again. */
  takeOut(activation: Activation): void {
    this.#takeLost(activation);
    this.#core.outgoing.abandon(activation);
    this.#core.waits.onLeavesMemory(activation);
    this.#core.waits.disarmAll(activation);
  }

  /** The activation is dropped: whatever its turns come to, nothing of it counts. */
  abandon(activation: Activation): void {
    activation.recalling = false;
    for (const turn of [...activation.dispatched, ...activation.reads]) {
      this.#byWork.delete(turn.work);
    }
    this.#core.outgoing.abandon(activation);
    this.#core.waits.disarmAll(activation);
    activation.dispatched.length = 0;
    activation.reads.clear();
  }

  /** The actor is destroyed: what runs comes to nothing, what had left its actor to a failure. */
  end(activation: Activation, fact: Extract<NodeFact, { kind: 'actor-ended' }>): void {
    this.fact(activation, fact);
    if (activation.memory !== undefined) applyEnd(activation.memory, fact, this.#core.now);
  }

  /** The state is another one, of another bundle, by a turn that nobody asked for. */
  upgrade(activation: Activation, upgrade: UpgradedTo, delta: Bytes | undefined): void {
    const { id, birth, epoch, memory } = activation;
    assert(
      memory?.begun === undefined,
      'UP3: a turn that has begun ends with the code it began with',
    );
    if (memory === undefined) return;
    const seq = memory.seq + 1;
    const bare = {
      kind: 'turn',
      actor: id,
      birth,
      epoch,
      seq,
      cause: { kind: 'upgrade', at: upgrade.at },
      upgrade,
      method: upgradeMethod,
      outcome: nothing,
      letters: [],
      clock: clockChanges(memory.clock, tickClock(memory.clock, id, seq)),
      at: this.#core.wall,
    } as const;
    const fact = delta === undefined ? bare : { ...bare, delta };
    this.fact(activation, fact);
    applyTurn(memory, fact, this.#core.now);
  }

  /** Appends a fact of this actor. */
  fact(activation: Activation, fact: NodeFact): void {
    this.#core.out.append(fact);
    this.#core.lines.onFact(activation, fact);
    this.#core.pruning.onFact(activation, fact);
    this.#core.checkpointing.onFact(activation, fact);
  }

  #end(turn: Turn, frame: Frame<'turn-done'>): void {
    const { activation, input } = turn;
    assert(activation.dispatched[0] === turn, 'T1: turns end in the order handed over');
    activation.dispatched.shift();
    this.#core.outgoing.close(activation);
    const next = activation.dispatched[0];
    if (next !== undefined) this.#first(next);
    if (frame.skipped === true || !this.#core.timers.isPending(activation, input.cause)) {
      this.#core.timers.settled(activation, input.cause);
    } else {
      this.#judge(activation, frame.outcome);
      this.#commit(activation, input, frame.outcome, frame, configOf(turn));
    }
    this.#core.mailboxes.pump(activation);
    this.#core.departures.changed(activation);
    this.#core.wishes.onTurnEnd(activation);
    this.#core.upgrades.changed(activation);
  }

  /** Its runner has not begun it, and never will. */
  #leaveLine(turn: Turn, outcome: Outcome): void {
    const { activation, input } = turn;
    activation.dispatched.splice(activation.dispatched.indexOf(turn), 1);
    this.#core.mailboxes.answerUnrun(activation, input, outcome);
    this.#core.mailboxes.pump(activation);
    this.#core.departures.changed(activation);
    this.#core.wishes.onTurnEnd(activation);
    this.#core.upgrades.changed(activation);
  }

  /** It runs nothing: one with its key has taken effect (LK1). */
  pass(activation: Activation, input: Input): void {
    assert(activation.memory?.begun === undefined, 'LK1: what has begun was not known to be done');
    this.#commit(activation, input, nothing, { sends: [] });
  }

  #commit(
    activation: Activation,
    input: Input,
    ended: Outcome,
    done: Pick<Frame<'turn-done'>, 'delta' | 'sends' | 'timers' | 'withdrawn'>,
    config: { readonly config?: number } = {},
  ): void {
    const { memory } = activation;
    assert(memory !== undefined, 'H2: only a live activation takes a turn');
    const outcome = memory.begun === undefined ? ended : afterItBegan(ended, input);
    const seq = memory.seq + 1;
    const known = input.clock === undefined ? memory.clock : mergeClocks(memory.clock, input.clock);
    const bare = {
      kind: 'turn',
      actor: activation.id,
      birth: activation.birth,
      epoch: activation.epoch,
      seq,
      cause: input.cause,
      method: input.method,
      outcome,
      letters: this.#letters(activation, input, done),
      clock: clockChanges(memory.clock, tickClock(known, activation.id, seq)),
      at: this.#core.wall,
      ...config,
    } as const;
    const changed = done.delta === undefined ? bare : { ...bare, delta: done.delta };
    const { redelivers, idempotencyKey } = input;
    const letterEnd = this.#core.deadLetters.endOf(activation, input, outcome);
    const withdrawn = done.withdrawn?.map((to) => this.#core.post.addressee(activation, to));
    const fact = {
      ...changed,
      ...(done.timers === undefined ? {} : { timers: done.timers }),
      ...(letterEnd === undefined ? {} : { letterEnd }),
      ...(redelivers === undefined ? {} : { redelivers }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(withdrawn === undefined ? {} : { withdrawn }),
    };
    const news = this.#core.timers.nextNews(activation);
    this.fact(activation, fact);
    applyTurn(memory, fact, this.#core.now);
    this.#core.waits.disarmAll(activation);
    this.#core.deadLetters.onEnd(activation, input, letterEnd);
    this.#core.timers.settled(activation, input.cause);
    this.#core.timers.tellNew(activation, news);
    this.#core.passivation.used(activation);
    this.#total += 1;
    this.#core.post.sendNew(activation, fact.letters, memory.clock);
    if (input.cause.kind === 'letter' && input.replyTo !== undefined) {
      this.#core.mailboxes.acknowledge(activation, input.cause, input.replyTo);
    }
    this.#core.mailboxes.answer(activation, input, outcome);
  }

  #judge(activation: Activation, ended: Outcome): void {
    if (ended.ok || !costsRunners(ended.failure, activation)) this.#core.ailing.isWell(activation);
    else this.#core.ailing.fellIll(activation, ended.failure, true);
  }

  #letters(
    activation: Activation,
    { cause }: Input,
    done: Pick<Frame<'turn-done'>, 'sends'>,
  ): OutboxLetter[] {
    const letters: OutboxLetter[] = [];
    const ofTimer = mannerOfTimer(activation, cause);
    const next = new Map<string, number>();
    for (const send of done.sends) {
      const to = this.#core.post.addressee(activation, send);
      const number = next.get(to) ?? activation.memory?.outbox.nextNumber(to) ?? 1;
      next.set(to, number + 1);
      const { method, args, ...manner } = send;
      letters.push({ to, number, method, args, ...mannerOf(manner), ...ofTimer });
    }
    return letters;
  }

  #endRead(turn: Turn, outcome: Outcome): void {
    const { activation } = turn;
    activation.reads.delete(turn);
    this.#core.out.append({ kind: 'barrier' });
    this.#core.passivation.used(activation);
    this.#core.mailboxes.answer(activation, turn.input, outcome);
    if (activation.readsWait || activation.trial !== undefined)
      this.#core.mailboxes.pump(activation);
    this.#core.departures.changed(activation);
    this.#core.wishes.onTurnEnd(activation);
  }

  /** The turn leaves its actor: from now on it will be run again until it ends. */
  begin(turn: Turn): BegunTurn {
    const { activation, input } = turn;
    const { memory } = activation;
    assert(memory !== undefined, 'H2: only a live activation takes a turn');
    assert(
      activation.dispatched[0] === turn,
      'T2: a turn leaves its actor when those before ended',
    );
    const begun = this.#begunBy(activation, input);
    if (begun !== undefined) return begun;
    const { id, epoch } = activation;
    const clock = input.clock === undefined ? memory.clock : mergeClocks(memory.clock, input.clock);
    const changes = clockChanges(memory.clock, clock);
    memory.clock = clock;
    const { cause, method, args, path } = input;
    const seq = memory.seq + 1;
    const streamed = input.takers !== undefined;
    const yielded = streamed ? 0 : undefined;
    const waits = { parked: false, yielded, since: new Map<number, number>() };
    const letter = letterPart(input);
    const config = configOf(turn);
    const asked = { seq, cause, method, args, path, ...letter };
    memory.begun = { ...asked, recorded: [], ...waits, ...config };
    activation.begunConfig = { ...turn.config, asked: turn.config.version };
    turn.recorded = memory.begun.recorded;
    const failed = this.#core.deadLetters.failedBefore(activation, input);
    this.fact(activation, {
      kind: 'turn-begun',
      actor: id,
      epoch,
      seq,
      cause,
      method,
      args,
      path,
      ...letter,
      ...(failed === 0 ? {} : { failed }),
      clock: changes,
      ...(streamed ? { streamed } : {}),
      ...config,
    });
    return memory.begun;
  }

  #begunBy(activation: Activation, input: Input): BegunTurn | undefined {
    const begun = activation.memory?.begun;
    return begun !== undefined && sameCause(input.cause, begun.cause) ? begun : undefined;
  }

  /** It was alone (T4). One that could not be stopped would only take its time again. */
  #blame(activation: Activation, turn: Turn, reason: string): void {
    const { input, limitMs, overdue } = turn;
    input.crashes += 1;
    if (input.crashes < limits.turnCrashesMax && !overdue) return;
    const outcome = overdue
      ? notStopped(activation, input, limitMs)
      : crashed(activation, input, reason);
    if (input.read) {
      activation.mailbox.splice(activation.mailbox.indexOf(input), 1);
      this.#core.mailboxes.answer(activation, input, outcome);
      return;
    }
    if (this.#core.decisions.undoCrashed(turn, outcome)) {
      input.crashes = 0;
      return;
    }
    activation.mailbox.shift();
    this.#core.outgoing.close(activation);
    // A turn before it has cancelled its timer, and no runner came to tell.
    if (!this.#core.timers.isPending(activation, input.cause)) {
      return this.#core.timers.settled(activation, input.cause);
    }
    const ended = this.#core.decisions.crashedWhileUndone(activation, input, outcome);
    this.#judge(activation, ended);
    this.#commit(activation, input, ended, { sends: [] });
  }

  #turn(activation: Activation, input: Input, read: boolean): Turn {
    const { bundle } = activation;
    const turn: Turn = {
      work: this.nextWork(),
      activation,
      input,
      read,
      recorded: [],
      atWork: undefined,
      startedAt: this.#core.now,
      overdue: false,
      limitMs: this.#core.runners.turnLimitMs(bundle, typeOf(activation)) ?? limits.turnLimitMs,
      config:
        !read && this.#begunBy(activation, input) !== undefined
          ? this.#core.configs.ofBegun(activation)
          : this.#core.configs.latest(activation.tenant),
    };
    this.#byWork.set(turn.work, turn);
    return turn;
  }

  #hand(turn: Turn): void {
    const { activation, input, work, read, recorded, limitMs } = turn;
    if (activation.runner === undefined) return;
    const failed = this.#core.deadLetters.failedBefore(activation, input);
    this.#core.configs.give(activation.runner, activation.tenant, turn.config);
    const frame = {
      kind: 'turn',
      work,
      actor: activation.id,
      method: input.method,
      args: input.args,
      read,
      callId: callIdOf(activation.id, activation.birth, input.cause, failed),
      recorded,
      limitMs,
      ...this.#yieldedBy(activation, input),
    } as const;
    const timer = firingOf(activation, input.cause);
    this.#core.runners.frame(activation.runner, timer === undefined ? frame : { ...frame, timer });
    // It was cancelled where it could not be told, or at a runner that is gone (B11).
    if (input.cancelled) this.#core.runners.frame(activation.runner, { kind: 'cancel', work });
  }

  #yieldedBy(activation: Activation, input: Input): { readonly yielded?: number } {
    const yielded = this.#begunBy(activation, input)?.yielded;
    if (yielded !== undefined) return { yielded };
    return input.takers === undefined ? {} : { yielded: 0 };
  }

  /** The turn is first in line: its time runs. */
  #first(turn: Turn): void {
    turn.startedAt = this.#core.now;
  }

  /** Kills the runners whose turn went on beyond its limit and does not stop. */
  killOverdue(): void {
    const overdue = new Set<RunnerId>();
    for (const turn of this.#byWork.values()) {
      const { activation } = turn;
      const first = turn.read || activation.dispatched[0] === turn;
      if (!first || this.#core.now - turn.startedAt < turn.limitMs + limitGraceMs) continue;
      if (activation.runner === undefined) continue;
      overdue.add(activation.runner);
      turn.overdue = true;
      // It, or what did not let it go on, takes that long: it is tried until it ends.
      activation.suspected = suspectedOverdue;
    }
    for (const runner of overdue) this.#core.out.work({ kind: 'kill-runner', runner });
  }
}

/** What has left its actor has done something: its failure may not say that surely nothing was. */
function afterItBegan(outcome: Outcome, { method }: Input): Outcome {
  if (outcome.ok || errorTable[outcome.failure.code].outcome !== 'none') return outcome;
  const { code, message, details } = outcome.failure;
  const text = `${method} failed after it had begun: ${code}: ${message}`;
  const failed = boundedFailure({
    code: 'USER_ERROR',
    message: text,
    details: { ...details, code },
  });
  return { ok: false, failure: failed };
}

/** As it stands in facts. */
function configOf({ config }: Turn): { readonly config?: number } {
  return config.version === 0 ? {} : { config: config.version };
}

function crashedAtStart({ id, startCrashes }: Activation, reason: string): Failure {
  const text = `the runner of ${id} crashed ${startCrashes} times as it was brought into memory`;
  return failure('RUNNER_CRASHED', `${text}: ${reason}`);
}

function crashed({ id: actor }: Activation, input: Input, reason: string): Outcome {
  const text = `the runner of ${actor} crashed ${input.crashes} times in ${input.method}`;
  return { ok: false, failure: failure('RUNNER_CRASHED', `${text}: ${reason}`, { actor }) };
}

/** It neither ended by its limit nor let its runner say so. */
function notStopped({ id: actor }: Activation, { method }: Input, limitMs: number): Outcome {
  const text = `${method} of ${actor} ran longer than its limit of ${limitMs} ms`;
  const why = `${text} and blocked its runner, which was killed`;
  return { ok: false, failure: failure('TIME_LIMIT', why, { actor, limitMs }) };
}
