/**
 * What is asked of the actors here: calls and letters, refused, recognised as known, or queued.
 *
 * B1  a call whose number has a reply gets that reply and never runs again (S1).
 * B2  letters of one sender are taken in the order of their numbers, without gaps.
 * B3  a mailbox holds at most `limits.mailboxCallsMax` inputs; what is refused has done nothing,
 *     and neither will its twins that are on their way.
 * B4  a refusal waits for an append, like a read: a fenced node refuses nobody whom another one
 *     has taken in.
 * B5  a turn that has begun stays in the mailbox until it can run again: it is not refused.
 * B6  an actor whose letters nobody takes takes no more calls; letters it takes always, or two that
 *     write to each other, or wait for each other, would stand still for good.
 * B8  of an actor that is on its way elsewhere nothing new is begun, but reads beside its last turn,
 *     which may wait for them; what is asked of it waits for the leader to say where it went.
 * B7  before an actor is live no call is turned away: it may wait here already, or be recorded.
 * B9  a call that was sent to an earlier placement of the actor here is not taken: it may have been turned away
 *     there, which is known no more. Whoever still asks is told to look where the actor is, and asks again.
 * B10 a call that is cancelled before its actor is live does not run here, if it had not begun.
 * B11 a cancel is never forgotten here: what cannot be told of it now is told when it runs again.
 */
import {
  type ActorId,
  type Address,
  type AnsweredCall,
  answeredAs,
  builtInBundle,
  type Call,
  type CancelCall,
  type DeadLetter,
  discardMethod,
  errorTable,
  type Failure,
  failure,
  type Letter,
  type LetterNotHere,
  letterMethods,
  limits,
  type Outcome,
  type SessionId,
  signalMethod,
  toldMethod,
  type VectorClock,
} from '@troupe/model';
import { type Activation, type Input, incarnationOf } from './activation.ts';
import { isOfLeader } from './built-ins.ts';
import type { Core } from './core.ts';
import { refusalOf } from './given-up.ts';
import { typeOf } from './hosting.ts';
import { standingOf } from './letter-keys.ts';
import { enqueue } from './mailbox-order.ts';
import { letterPart, sameCause, senderOf, signalled, unheard } from './memory.ts';
import { mannerOf } from './outbox.ts';
import { crowdedOut, ofAnother } from './outside-callers.ts';
import {
  asUnknown,
  cancelled,
  full,
  mayHaveRun,
  noteTurnedAway,
  tooLate,
  wasTurnedAway,
} from './refusals.ts';
import { actorOfSession } from './sessions.ts';
import type { Trial } from './trials.ts';

export class Mailboxes {
  readonly #core: Core;
  /** Calls that were cancelled while they waited for their actor to be live (B10). */
  readonly #cancelled = new WeakSet<Call>();

  constructor(core: Core) {
    this.#core = core;
  }

  onCall(call: Call): void {
    this.#core.senderClocks.hear(call, this.#core.now);
    const activation = this.#core.actors.get(call.actor);
    if (activation === undefined) return this.#notHere(call);
    if (activation.phase === 'ending' && activation.birth === call.birth) {
      return this.#ofEnded(activation, call);
    }
    if (activation.birth > call.birth && activation.heir && activation.memory !== undefined) {
      return this.#ofEnded(activation, call);
    }
    if (activation.birth !== call.birth) return this.#notHere(call);
    // B9
    if (call.epoch < activation.epoch) return this.#notHere(call);
    this.#take(activation, call);
  }

  onLetter(letter: Letter): void {
    const activation = this.#core.actors.get(letter.to);
    const isOver = activation === undefined || activation.phase === 'ending';
    // One that has ended takes no letter: it waits for the next of that name.
    const isForAnother = letter.birth !== undefined && letter.birth !== activation?.birth;
    if (isOver || isForAnother || activation.epoch < letter.epoch) {
      const { to, from, epoch, replyTo } = letter;
      return this.#letterNotHere({ to, from, epoch }, replyTo);
    }
    this.#take(activation, letter);
  }

  onCancel({ actor, ...cancelled }: CancelCall): void {
    const activation = this.#core.actors.get(actor);
    if (activation !== undefined) this.#cancel(activation, cancelled);
  }

  #cancel(activation: Activation, cancel: Pick<CancelCall, 'session' | 'number'>): void {
    const matches = (input: Input) => isOf(input, cancel.session, cancel.number);
    const { parked } = activation;
    if (parked !== undefined && matches(parked)) {
      return this.#core.waits.cancel(activation, parked);
    }
    for (const message of activation.waiting) {
      if (message.kind !== 'call') continue;
      const { session, number } = message.caller;
      if (session === cancel.session && number === cancel.number) this.#cancelled.add(message);
    }
    const queued = activation.mailbox.findIndex(matches);
    const input = activation.mailbox[queued];
    if (input !== undefined) {
      // B11
      input.cancelled = hasBegun(activation, input);
      if (input.cancelled) return;
      activation.mailbox.splice(queued, 1);
      // Whether it runs is decided elsewhere by now: where its caller asked no more, it does not.
      if (isGoing(activation)) return closed(activation, cancel.session, cancel.number);
      this.answerUnrun(activation, input, { ok: false, failure: cancelled(activation) });
      return;
    }
    const turn =
      activation.dispatched.find((one) => matches(one.input)) ??
      [...activation.reads].find((one) => matches(one.input));
    if (turn === undefined || turn.input.cancelled || activation.runner === undefined) return;
    turn.input.cancelled = true;
    this.#core.runners.frame(activation.runner, { kind: 'cancel', work: turn.work });
  }

  /** Takes a message of a live activation. */
  accept(activation: Activation, message: Call | Letter): void {
    if (message.kind === 'call') this.#acceptCall(activation, message);
    else this.#acceptLetter(activation, message);
  }

  /** Hands inputs to the runner, as many as may run ahead of their records. */
  pump(activation: Activation): void {
    const { phase, wish, trial, suspected } = activation;
    if (phase !== 'live' || wish.kind === 'ending') return;
    if (trial !== undefined) return this.#pumpTrial(activation, trial);
    // Who might crash a runner is not run here any more, if it is to leave.
    if (suspected > 0 && this.#core.departures.isQuiet(activation)) return;
    // Reads wait for no turn, whatever keeps those waiting.
    if (activation.readsWait) this.pumpReads(activation);
    if (wish.kind !== 'live' || this.#core.ailing.isHeldBack(activation)) return;
    if (activation.parked !== undefined || this.#core.upgrades.holds(activation)) return;
    // I3
    if (activation.recalling) return;
    while (activation.dispatched.length < limits.turnsAheadMax) {
      const input = activation.mailbox.find(({ read }) => !read);
      if (input === undefined || this.#core.deadLetters.mustWait(activation, input)) return;
      const standing = standingOf(activation, input);
      if (standing === 'waits') return;
      activation.mailbox.splice(activation.mailbox.indexOf(input), 1);
      if (standing === 'known') this.#core.turns.pass(activation, input);
      else this.#core.turns.dispatch(activation, input);
    }
  }

  #pumpTrial(activation: Activation, trial: Trial): void {
    if (activation.wish.kind !== 'live' || this.#core.ailing.isHeldBack(activation)) return;
    this.#core.trials.pump(activation, trial);
  }

  /** What was cancelled at a runner that has not begun it, and has it no more. */
  dropCancelled(activation: Activation, input: Input): void {
    if (!input.cancelled || hasBegun(activation, input)) return;
    activation.mailbox.splice(activation.mailbox.indexOf(input), 1);
    this.answerUnrun(activation, input, { ok: false, failure: cancelled(activation) });
  }

  /** Nothing that waits can be done; letters stay in their senders' outboxes. */
  refuseAll(activation: Activation, reason: Failure): void {
    if (this.#core.givenUp.holds(activation)) return this.#core.givenUp.onFailed(activation);
    // It is tried again (L3). Until it is live nobody knows which calls have begun or were answered: none is said to
    // be undone.
    const isTried = errorTable[reason.code].retryable;
    for (const message of activation.waiting.splice(0)) {
      if (isTried && !this.#isLate(message)) activation.waiting.push(message);
      else if (message.kind === 'call') {
        // Its twins may find it mended, and it was told that nothing is done (B3).
        if (reason.code === 'CONSTRUCTOR_FAILED')
          noteTurnedAway(activation, message, this.#core.now);
        this.refuse(
          message,
          isTried || mayHaveRun(activation, reason) ? asUnknown(reason) : reason,
        );
      }
    }
    for (const input of activation.mailbox.splice(0)) {
      if (isTried || hasBegun(activation, input)) activation.mailbox.push(input);
      else if (input.cause.kind === 'call') {
        this.answerUnrun(activation, input, { ok: false, failure: reason });
      }
    }
    if (isTried) return;
    activation.queuedLetters.clear();
    activation.queuedTimers.clear();
  }

  /** The actor is elsewhere: everyone who waits looks for it there, in the order in which they came.
   *  One word is enough for all letters of a sender. */
  sendAway(activation: Activation): void {
    const { id, epoch } = activation;
    const told = new Set<string>();
    const tellSender = (from: ActorId, fromBirth: number, replyTo: Address) => {
      const sender = senderOf(from, fromBirth);
      if (told.has(sender)) return;
      told.add(sender);
      this.#letterNotHere({ to: id, from, epoch }, replyTo);
    };
    const { parked } = activation;
    activation.parked = undefined;
    const inputs = activation.mailbox.splice(0);
    for (const { cause, replyTo } of parked === undefined ? inputs : [parked, ...inputs]) {
      if (cause.kind === 'call') closed(activation, cause.session, cause.number);
      if (replyTo === undefined) continue;
      if (cause.kind === 'letter') tellSender(cause.from, cause.fromBirth, replyTo);
      else if (cause.kind === 'call') {
        const message = { kind: 'not-here', actor: id, epoch, ...answeredAs(cause) } as const;
        this.#core.out.reply({ to: replyTo, message });
      }
    }
    for (const message of activation.waiting.splice(0)) {
      if (message.kind === 'call') this.#notHere(message);
      else tellSender(message.from, message.fromBirth, message.replyTo);
    }
    activation.queuedLetters.clear();
    activation.queuedTimers.clear();
  }

  /** The actor has ended: whoever waits for what it has not begun looks for the next one. Letters that
   *  were not taken stay with their senders. */
  endAll(activation: Activation): void {
    for (const message of activation.waiting.splice(0)) {
      if (message.kind === 'call') this.#ofEnded(activation, message);
    }
    const { parked, dispatched, reads } = activation;
    activation.parked = undefined;
    const inputs = [...dispatched, ...reads].map(({ input }) => input);
    if (parked !== undefined) inputs.unshift(parked);
    for (const input of [...inputs, ...activation.mailbox.splice(0)]) {
      const { cause, replyTo } = input;
      if (cause.kind === 'letter') {
        if (replyTo !== undefined) this.acknowledge(activation, cause, replyTo);
        continue;
      }
      if (cause.kind === 'timer') continue;
      const { session, number } = cause;
      const known = activation.memory?.sessions.window(session)?.replies.get(number);
      if (known !== undefined) this.answer(activation, input, known);
      else if (replyTo !== undefined) {
        const { id: actor, epoch } = activation;
        this.#unrun({ actor, epoch }, cause, replyTo);
      }
    }
    activation.open.clear();
    activation.queuedLetters.clear();
  }

  /** Calls whose time has passed while their actor was paused did nothing. */
  refusePaused(activation: Activation): void {
    const late = activation.mailbox.filter(
      (input) =>
        input.until !== undefined && input.until <= this.#core.now && !hasBegun(activation, input),
    );
    if (late.length === 0) return;
    const left = activation.mailbox.filter((input) => !late.includes(input));
    activation.mailbox.splice(0, activation.mailbox.length, ...left);
    const reason = failure('PAUSED', `actor ${activation.id} is paused`, { actor: activation.id });
    for (const input of late) this.answerUnrun(activation, input, { ok: false, failure: reason });
  }

  /** An answer to whoever waits for this input. */
  answer(activation: Activation, input: Input, outcome: Outcome): void {
    if (input.cause.kind !== 'call') return;
    closed(activation, input.cause.session, input.cause.number);
    this.#core.streams.onAnswer(activation, input, outcome);
    if (input.replyTo === undefined) return;
    this.#reply(activation, input.replyTo, input.cause, outcome, input.clock);
  }

  #take(activation: Activation, message: Call | Letter): void {
    const { phase } = activation;
    if (message.kind === 'call' && message.cancelled) this.#cancel(activation, message.caller);
    const gone = phase === 'released';
    if (!gone && message.kind === 'call' && wasTurnedAway(activation, message, this.#core.now)) {
      return this.#turnAway(activation, message, refusalOf(activation));
    }
    if (phase === 'cold' && this.#core.givenUp.holds(activation)) {
      return this.#core.givenUp.take(activation, message);
    }
    const waits = phase === 'releasing' && isFact(message);
    if (!waits && (phase === 'live' || phase === 'releasing')) {
      return this.accept(activation, message);
    }
    const { parked } = activation;
    if (message.kind === 'call' && parked !== undefined && isCallOf(parked, message)) {
      const another = ofAnother(activation, message);
      if (another !== undefined) return this.refuse(message, another);
      // Its caller asks again: that brings no actor into memory whose turn waits.
      if (message.from === undefined) {
        parked.replyTo = message.replyTo;
        return;
      }
      if (parked.takers?.get(message.replyTo) === message.from) return;
    }
    // Until it is live, here or elsewhere, nobody knows what was answered by others, so nothing is
    // refused: whoever asks will ask again.
    if (activation.waiting.length >= limits.mailboxCallsMax) return;
    activation.waiting.push(message);
    this.#core.hosting.wake(activation);
  }

  #acceptCall(activation: Activation, call: Call): void {
    const { session, number } = call.caller;
    const memory = activation.memory;
    if (memory === undefined || this.#core.rewinds.isOfAnother(activation, call)) return;
    this.#core.peerClocks.onCall(activation, call);
    const another = ofAnother(activation, call);
    if (another !== undefined) return this.refuse(call, another);
    if (this.#takes(activation, call)) return;
    const known = memory.sessions.window(session);
    const reply = known?.replies.get(number);
    if (reply !== undefined) {
      return this.#reply(activation, call.replyTo, call.caller, reply, call.clock);
    }
    const isCancelled = call.cancelled === true || this.#cancelled.has(call);
    const again = activation.open.get(session)?.get(number);
    if (again !== undefined) {
      again.replyTo = call.replyTo;
      if (isCancelled) this.#cancel(activation, call.caller);
      return;
    }
    if (known !== undefined && number < known.low) {
      const text = `session ${session} has said that its call ${number} was answered`;
      return this.refuse(call, failure('SESSION_FORGOTTEN', text));
    }
    const lateMs = this.#core.senderClocks.lateMs(call, this.#core.now);
    if (lateMs >= 0) return this.refuse(call, tooLate(call, lateMs), lateMs);
    const until = this.#core.now - lateMs;
    // Whether it runs is decided elsewhere by now, where its caller says the same.
    if (isCancelled && isGoing(activation)) return;
    if (isCancelled) {
      const outcome: Outcome = { ok: false, failure: cancelled(activation) };
      return this.answerUnrun(activation, inputOfCall(activation, call, false, until), outcome);
    }
    const givenUp = refusalOf(activation);
    if (givenUp !== undefined) return this.#turnAway(activation, call, givenUp);
    const crowded = crowdedOut(this.#core, activation, call);
    if (crowded !== undefined) return this.#turnAway(activation, call, crowded);
    if (call.method === signalMethod) return this.#acceptSignal(activation, call);
    if (letterMethods.includes(call.method)) return this.#acceptOfLetters(activation, call, until);
    this.#acceptTurn(activation, call, until);
  }

  #acceptTurn(activation: Activation, call: Call, until: number, dead?: DeadLetter): void {
    const { memory } = activation;
    if (memory === undefined) return;
    const { session, number, low } = call.caller;
    const refusal = this.#refusal(activation, call);
    if (refusal !== undefined) return this.refuse(call, refusal);
    if (call.atTurn !== undefined) return this.#readFormer(activation, call, call.atTurn);
    const kind = this.#core.runners.methodKind(activation.bundle, typeOf(activation), call.method);
    const isBuiltIn = activation.bundle === builtInBundle;
    const pushedBack = isBuiltIn ? this.#core.builtIns.refusal(activation, call) : undefined;
    if (pushedBack !== undefined) return this.#turnAway(activation, call, pushedBack);
    // Who unsubscribes from a topic frees it of what nobody takes, so its door stays open.
    const isHeard = unheard(memory) <= limits.outboxLettersMax;
    const isUnheard = kind !== 'read' && !isBuiltIn && !isHeard;
    if (isUnheard || inputsOf(activation) >= limits.mailboxCallsMax) {
      return this.#turnAway(activation, call);
    }
    // Only a read comes here from one that is not taken in.
    const isTakenIn = memory.sessions.heldMs(session, this.#core.now) === undefined;
    if (isTakenIn) memory.sessions.hear(session, low, this.#core.now);
    const read = kind === 'read' && dead === undefined;
    const bare = inputOfCall(activation, call, read, until);
    const input = dead === undefined ? bare : { ...bare, ...deliveryOf(dead) };
    opened(activation, session, number, input);
    const begins =
      input.read && mayRead(activation) && this.#core.groups.mayBegin(activation, input);
    if (begins) this.#core.turns.dispatchRead(activation, input);
    else {
      enqueue(this.#core, activation, input);
      this.pump(activation);
    }
  }

  #isLate(message: Call | Letter): boolean {
    return message.kind === 'call' && this.#core.senderClocks.lateMs(message, this.#core.now) >= 0;
  }

  /** True when the call takes from what is there, and begins nothing. */
  #takes(activation: Activation, call: Call): boolean {
    if (call.from === undefined) return false;
    const taken = this.#core.streams.onTake(activation, call, call.from);
    if (typeof taken === 'object') this.refuse(call, taken);
    return taken !== 'new';
  }

  /** A signal is no turn: it does not wait behind any. */
  #acceptSignal(activation: Activation, call: Call): void {
    const refusal = this.#core.waits.onSignal(activation, call);
    if (refusal === 'full') {
      const text = `${activation.id} keeps all the signals that it may keep`;
      const { turnedAwayMs } = limits;
      return this.#turnAway(
        activation,
        call,
        failure('RESOURCE_EXHAUSTED', text, { retryAfterMs: turnedAwayMs }),
      );
    }
    if (refusal !== undefined) return this.refuse(call, refusal);
    this.#reply(activation, call.replyTo, call.caller, signalled, call.clock);
  }

  /** Of dead letters, which one call delivers anew, as a turn. */
  #acceptOfLetters(activation: Activation, call: Call, until: number): void {
    const asked = this.#core.deadLetters.onCall(activation, call);
    if (asked.kind === 'deliver') {
      const { method, args } = asked.letter;
      return this.#acceptTurn(activation, { ...call, method, args }, until, asked.letter);
    }
    const input = inputOfCall(activation, call, false, until);
    if (asked.kind === 'refuse') return this.answerUnrun(activation, input, asked.outcome);
    this.#core.out.append({ kind: 'barrier' });
    this.answer(activation, input, asked.outcome);
  }

  /** Hands the reads that wait and may begin to the runner. */
  pumpReads(activation: Activation): void {
    for (const input of this.#core.groups.next(activation)) {
      activation.mailbox.splice(activation.mailbox.indexOf(input), 1);
      this.#core.turns.dispatchRead(activation, input);
    }
    activation.readsWait = activation.mailbox.some(({ read }) => read);
  }

  #readFormer(activation: Activation, call: Call, seq: number): void {
    const { method, args } = call;
    const kind = this.#core.runners.methodKind(activation.bundle, typeOf(activation), method);
    if (kind !== 'read') {
      const text = `${method} is no read, and what ${activation.id} was does not change`;
      return this.refuse(call, failure('INVALID_ARGUMENT', text));
    }
    const input = inputOfCall(activation, call, true, this.#core.now);
    opened(activation, call.caller.session, call.caller.number, input);
    this.#core.lines.read(activation, { seq, method, args }, (outcome) => {
      this.#core.out.append({ kind: 'barrier' });
      this.answer(activation, input, outcome);
    });
  }

  #refusal(activation: Activation, call: Call): Failure | undefined {
    const isBuiltIn = activation.bundle === builtInBundle;
    if (isBuiltIn && call.method === toldMethod && isOfLeader(call.caller)) return undefined;
    const kind = this.#core.runners.methodKind(activation.bundle, typeOf(activation), call.method);
    if (typeof kind === 'object') return kind;
    if (kind !== 'read' && call.path.includes(activation.id)) {
      const cycle = [...call.path.slice(call.path.indexOf(activation.id)), activation.id];
      return failure('DEADLOCK', `awaited calls form a cycle: ${cycle.join(' → ')}`);
    }
    return undefined;
  }

  /**
   * There is no room for the call, nor for its twins that are on their way. Each refusal counts anew:
   * its caller may hear only this one, and what it sent before it heard may still come after that.
   */
  #turnAway(activation: Activation, call: Call, reason = full(activation)): void {
    noteTurnedAway(activation, call, this.#core.now);
    this.refuse(call, reason);
  }

  #acceptLetter(activation: Activation, letter: Letter): void {
    if (this.#core.rewinds.isOfAnother(activation, letter)) return;
    this.#core.peerClocks.onLetter(activation, letter);
    const sender = senderOf(letter.from, letter.fromBirth);
    const taken = Math.max(activation.memory?.recv.get(sender) ?? 0, letter.base ?? 0);
    if (letter.number <= taken) return this.acknowledge(activation, letter, letter.replyTo);
    const queued = Math.max(taken, activation.queuedLetters.get(sender) ?? 0);
    // Known, or ahead of one that is missing: its sender sends both again, in order.
    if (letter.number !== queued + 1) return;
    if (activation.mailbox.length >= limits.mailboxCallsMax) return;
    const { letterKeys } = activation.memory ?? {};
    const heldMs =
      this.#core.deadLetters.heldMs(activation, letter) ??
      letterKeys?.heldMs(letter.idempotencyKey, this.#core.now);
    if (heldMs !== undefined) return this.acknowledge(activation, letter, letter.replyTo, heldMs);
    if (this.#core.builtIns.holdsBack(activation, letter)) return;
    activation.queuedLetters.set(sender, letter.number);
    enqueue(this.#core, activation, {
      cause: {
        kind: 'letter',
        from: letter.from,
        fromBirth: letter.fromBirth,
        number: letter.number,
      },
      method: letter.method,
      read: false,
      args: letter.args,
      ...letterPart(letter),
      ...mannerOf(letter),
      path: [],
      clock: letter.scope === activation.scope ? letter.clock : undefined,
      replyTo: letter.replyTo,
      crashes: 0,
      cancelled: false,
    });
    this.pump(activation);
  }

  /** Says up to which letter of this sender everything is committed. */
  acknowledge(
    activation: Activation,
    letter: { readonly from: Letter['from']; readonly fromBirth: number },
    replyTo: Address,
    heldMs?: number,
  ): void {
    const upTo = activation.memory?.recv.get(senderOf(letter.from, letter.fromBirth)) ?? 0;
    const { id: to, scope } = activation;
    const { from, fromBirth } = letter;
    const { birth } = activation;
    const ack = { kind: 'letter-ack', to, birth, from, fromBirth, upTo } as const;
    const held = heldMs === undefined ? {} : { heldMs };
    const stamp = incarnationOf(activation);
    this.#core.out.reply({ to: replyTo, message: { ...ack, scope, ...stamp, ...held } });
  }

  /** A refusal is remembered, so that a late twin of the call cannot run after it. */
  answerUnrun(activation: Activation, input: Input, outcome: Outcome): void {
    const { cause } = input;
    if (cause.kind === 'call') {
      activation.memory?.sessions.record(cause, outcome, this.#core.now);
    }
    this.#core.out.append({ kind: 'barrier' });
    this.answer(activation, input, outcome);
  }

  refuse(call: Call, reason: Failure, lateMs?: number): void {
    const { actor, epoch } = call;
    const outcome: Outcome = { ok: false, failure: reason };
    const of = answeredAs(call.caller);
    const message = { kind: 'call-result', actor, ...of, outcome, epoch } as const;
    this.#core.out.append({ kind: 'barrier' });
    this.#core.out.reply({
      to: call.replyTo,
      message: lateMs === undefined ? message : { ...message, lateMs },
    });
  }

  /** What it had answered is answered again; what it never ran, the next of its name may run. */
  #ofEnded(activation: Activation, call: Call): void {
    const { session, number } = call.caller;
    const known = activation.memory?.sessions.window(session);
    const reply = known?.replies.get(number);
    if (reply !== undefined) {
      const another = ofAnother(activation, call);
      if (another !== undefined) return this.refuse(call, another);
      if (this.#takes(activation, call)) return;
      return this.#reply(activation, call.replyTo, call.caller, reply, call.clock);
    }
    if (known === undefined || number >= known.low) {
      return this.#unrun(call, call.caller, call.replyTo);
    }
    const text = `session ${session} has said that its call ${number} was answered`;
    this.refuse(call, failure('SESSION_FORGOTTEN', text));
  }

  /** As sure as what the actor remembers, so it waits for an append like any refusal. */
  #unrun({ actor, epoch }: Pick<Call, 'actor' | 'epoch'>, caller: AnsweredCall, to: Address): void {
    const of = answeredAs(caller);
    this.#core.out.append({ kind: 'barrier' });
    const message = { kind: 'not-here', actor, epoch, ...of, unrun: true } as const;
    this.#core.out.reply({ to, message });
  }

  #letterNotHere(what: Omit<LetterNotHere, 'kind'>, replyTo: Address): void {
    this.#core.out.reply({ to: replyTo, message: { kind: 'letter-not-here', ...what } });
  }

  #notHere(call: Call): void {
    const { actor, epoch, caller, replyTo } = call;
    const message = { kind: 'not-here', actor, epoch, ...answeredAs(caller) } as const;
    this.#core.out.reply({ to: replyTo, message });
  }

  #reply(
    activation: Activation,
    to: Address,
    caller: AnsweredCall,
    outcome: Outcome,
    asked: VectorClock | undefined,
  ): void {
    const { id, scope, epoch } = activation;
    const answer = { kind: 'call-result', actor: id, ...answeredAs(caller), outcome } as const;
    const message = outcome.ok ? answer : { ...answer, epoch };
    const asking = actorOfSession(caller.session);
    // Only an actor has use for a clock.
    const clocks =
      asking === undefined
        ? {}
        : { scope, ...this.#core.peerClocks.ofAnswer(activation, asking, asked) };
    this.#core.out.reply({ to, message: { ...message, ...clocks } });
  }
}

function inputOfCall(activation: Activation, call: Call, read: boolean, until: number): Input {
  return {
    cause: { kind: 'call', ...call.caller },
    method: call.method,
    read,
    args: call.args,
    path: call.path,
    ...(call.priority === undefined ? {} : { priority: call.priority }),
    clock: call.scope === activation.scope ? call.clock : undefined,
    until,
    // Whoever takes is answered by what there is to take.
    replyTo: call.from === undefined ? call.replyTo : undefined,
    crashes: 0,
    cancelled: false,
    ...(call.from === undefined ? {} : { takers: new Map([[call.replyTo, call.from]]) }),
  };
}

function deliveryOf({ number, idempotencyKey }: DeadLetter): Partial<Input> {
  return { redelivers: number, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
}

/** The call is under way here: its twin only tells where the answer goes. */
function opened(activation: Activation, session: SessionId, number: number, input: Input): void {
  let open = activation.open.get(session);
  if (open === undefined) {
    open = new Map();
    activation.open.set(session, open);
  }
  open.set(number, input);
}

function closed(activation: Activation, session: SessionId, number: number): void {
  const open = activation.open.get(session);
  if (open === undefined) return;
  open.delete(number);
  if (open.size === 0) activation.open.delete(session);
}

function isGoing({ phase }: Activation): boolean {
  return phase === 'releasing' || phase === 'released';
}

/** B8 */
function mayRead({ phase, dispatched, trial }: Activation): boolean {
  return trial === undefined && (phase === 'live' || dispatched.length > 0);
}

/** The turn has left its actor: it runs again, whatever becomes of its caller. */
function hasBegun(activation: Activation, input: Input): boolean {
  const begun = activation.memory?.begun;
  return begun !== undefined && sameCause(input.cause, begun.cause);
}

function inputsOf({ mailbox, dispatched, reads }: Activation): number {
  return mailbox.length + dispatched.length + reads.size;
}

/** It waits for where the actor goes: what is recorded here would keep the actor here. */
function isFact(message: Call | Letter): boolean {
  if (message.kind !== 'call') return false;
  return message.method === signalMethod || message.method === discardMethod;
}

function isCallOf(input: Input, { caller }: Call): boolean {
  return isOf(input, caller.session, caller.number);
}

function isOf(input: Input, session: SessionId, number: number): boolean {
  const { cause } = input;
  return cause.kind === 'call' && cause.number === number && cause.session === session;
}
