/**
 * Calls whose values are taken as they come.
 *
 *   method yields ──▶ value is recorded ──▶ durable ──▶ given to who waits, and the runner may go on
 *                          │                                  ▲
 *                          ▼                                  │
 *                   kept in the memory ◀── taken `from` a position, again and again, until the end
 *
 * YS1 a value is given only when its record is durable, and is the same ever after: a turn that runs
 *     again does not yield at positions that are recorded.
 * YS2 whoever takes is given values in order, from the position it names, without a gap, and the end
 *     of the call only when nothing is left to take; what is not kept any more is `STREAM_BEHIND`.
 * YS3 to take from a position above 0 begins nothing: what is not known is `SESSION_FORGOTTEN`.
 * YS4 a method that is too far ahead of whoever takes goes on when that has taken more, or has not
 *     asked for `limits.streamPatienceMs`.
 */
import {
  type Address,
  type AnsweredCall,
  answeredAs,
  type Bytes,
  type Call,
  type Failure,
  type FromRunner,
  failure,
  limits,
  type Outcome,
  takenOutcome,
} from '@troupe/model';
import type { Activation, Input, Turn } from './activation.ts';
import type { Alarm } from './alarms.ts';
import type { Core } from './core.ts';
import { applyYielded, isAhead, noteTaken, type Stream } from './yields.ts';

/** A call that takes. */
interface Taking extends AnsweredCall {
  readonly from: number;
  readonly replyTo: Address;
}

export class Streams {
  readonly #core: Core;
  /** Turns that are held back, until when at the latest. */
  readonly #held = new Map<Turn, Alarm>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Answered now, or when there is something; or it is a new call; or why it cannot be had. */
  onTake(activation: Activation, call: Call, from: number): 'taken' | 'new' | Failure {
    const { session, number, low } = call.caller;
    const { memory } = activation;
    if (memory === undefined) return 'taken';
    const taking = { ...answeredAs(call.caller), from, replyTo: call.replyTo };
    const reply = memory.sessions.window(session)?.replies.get(number);
    const input = activation.open.get(session)?.get(number);
    if (reply === undefined && input === undefined) {
      return from === 0 ? 'new' : forgotten(taking);
    }
    memory.sessions.hear(session, low, this.#core.now);
    const stream = memory.sessions.yields.of(session, number);
    if (stream === undefined && reply !== undefined) {
      if (isTakenBack(reply)) return reply.failure;
      if (from > 0) return forgotten(taking);
    }
    if (stream !== undefined) noteTaken(stream, from, this.#core.now);
    if (input !== undefined) this.#goOn(input);
    if (stream !== undefined && from < stream.first) return behind(activation, stream, from);
    if (stream !== undefined && from < stream.next) this.#give(activation, taking, stream);
    else if (reply !== undefined) this.#end(activation, taking, stream, reply);
    else if (input !== undefined) {
      input.takers ??= new Map();
      input.takers.set(call.replyTo, from);
    }
    return 'taken';
  }

  /** A value comes from the first turn of its runner. */
  onYielded({ work, position, value }: Extract<FromRunner, { kind: 'yielded' }>): void {
    const turn = this.#core.turns.turnOf(work);
    if (turn === undefined || turn.read) return;
    const { activation } = turn;
    const begun = this.#core.turns.begin(turn);
    const { memory, id, epoch } = activation;
    if (memory === undefined || position !== (begun.yielded ?? 0)) return;
    const { seq } = begun;
    const fact = { kind: 'turn-yielded', actor: id, epoch, seq, position, value } as const;
    this.#core.turns.fact(activation, fact);
    applyYielded(memory, fact, this.#core.now);
    this.#giveAll(activation, turn.input);
    this.#see(turn);
  }

  /** The call has come to its end: whoever takes hears it when nothing is left to take. */
  onAnswer(activation: Activation, input: Input, outcome: Outcome): void {
    if (input.takers === undefined || input.cause.kind !== 'call') return;
    const { session, number } = input.cause;
    const stream = activation.memory?.sessions.yields.of(session, number);
    for (const [replyTo, from] of input.takers) {
      const taking = { ...answeredAs(input.cause), from, replyTo };
      if (stream !== undefined && from < stream.next) this.#give(activation, taking, stream);
      else this.#end(activation, taking, stream, outcome);
    }
    input.takers.clear();
  }

  #giveAll(activation: Activation, { cause, takers }: Input): void {
    if (takers === undefined || cause.kind !== 'call') return;
    const { session, number } = cause;
    const stream = activation.memory?.sessions.yields.of(session, number);
    if (stream === undefined) return;
    for (const [replyTo, from] of takers) {
      if (from >= stream.next) continue;
      takers.delete(replyTo);
      this.#give(activation, { ...answeredAs(cause), from, replyTo }, stream);
    }
  }

  #give(activation: Activation, taking: Taking, stream: Stream): void {
    const { from: position } = taking;
    const values: Bytes[] = [];
    let bytes = 0;
    for (let at = position - stream.first; at < stream.values.length; at++) {
      const value = stream.values[at];
      if (value === undefined) break;
      bytes += value.length;
      const isMuch = values.length >= limits.takenValuesMax || bytes > limits.takenBytesMax;
      if (isMuch && values.length > 0) break;
      values.push(value);
    }
    this.#say(activation, taking, takenOutcome({ position, values }));
  }

  #end(activation: Activation, taking: Taking, stream: Stream | undefined, end: Outcome): void {
    const position = stream?.next ?? 0;
    this.#say(activation, taking, takenOutcome({ position, values: [], end }));
  }

  #say({ id }: Activation, taking: Taking, outcome: Outcome): void {
    const result = { kind: 'call-result', actor: id, ...answeredAs(taking), outcome } as const;
    this.#core.out.reply({ to: taking.replyTo, message: { ...result, taking: true } });
  }

  /** Says that there is room for more, unless the method is to wait (YS4). */
  #see(turn: Turn): void {
    const { activation, input, work } = turn;
    const stream = this.#streamOf(turn);
    if (stream === undefined || activation.runner === undefined || this.#held.has(turn)) return;
    const until = stream.askedAt + limits.streamPatienceMs;
    if (isAhead(stream) && this.#core.now < until) {
      const alarm = this.#core.alarms.set(until, () => this.#goOn(input));
      this.#held.set(turn, alarm);
      return;
    }
    const upTo = stream.next;
    this.#core.runners.gatedFrame(activation.runner, { kind: 'yields-seen', work, upTo });
  }

  /** Something was taken, or time has passed: the turn of this input may not have to wait any longer. */
  #goOn(input: Input): void {
    for (const [turn, alarm] of [...this.#held]) {
      if (turn.input !== input) continue;
      this.#core.alarms.cancel(alarm);
      this.#held.delete(turn);
      // A turn that has ended, or runs elsewhere, has no room to be told of.
      if (this.#core.turns.turnOf(turn.work) === turn) this.#see(turn);
    }
  }

  #streamOf({ activation, input }: Turn): Stream | undefined {
    if (input.cause.kind !== 'call') return undefined;
    const { session, number } = input.cause;
    return activation.memory?.sessions.yields.of(session, number);
  }
}

/** An actor has answered it that was destroyed, or the turn that did is taken back: what was yielded is
 *  gone with it. */
function isTakenBack(reply: Outcome): reply is Extract<Outcome, { ok: false }> {
  if (reply.ok) return false;
  return reply.failure.code === 'SESSION_FORGOTTEN' || reply.failure.code === 'REWOUND';
}

function forgotten({ session, number }: Taking): Failure {
  const text = `nothing is known of call ${number} of session ${session}, or not any more`;
  return failure('SESSION_FORGOTTEN', text);
}

function behind({ id }: Activation, { first }: Stream, from: number): Failure {
  const text = `values of ${id} before position ${first} are not kept any more, ${from} was asked for`;
  return failure('STREAM_BEHIND', text, { first, from });
}
