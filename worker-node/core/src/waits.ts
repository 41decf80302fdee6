/**
 * Turns that wait for signals, and the signals that come.
 *
 *   c.waitFor ──▶ wait is recorded ──▶ only waits are open: the runner gives the turn up ──▶ parked
 *                       │                                                                     │
 *                       ▼ a signal, the limit, a cancel: what the wait came to is recorded    ▼
 *                 the runner is told                                    the turn runs again with it
 *
 * Y1  a signal is given to one wait, the oldest signal of a name to the first wait for it.
 * Y2  a wait does not end by its limit before that has passed while this or another node had the
 *     actor.
 * Y3  while a turn is parked no other turn of its actor runs; reads do.
 * Y4  a parked turn runs again only when one of its waits has come to something.
 */
import {
  type Bytes,
  type Call,
  clockChanges,
  decodeValue,
  encodeValue,
  type Failure,
  type FromRunner,
  failure,
  isTypeName,
  mergeClocks,
  type Outcome,
  type Recorded,
} from '@troupe/model';
import type { Activation, Input } from './activation.ts';
import type { Core } from './core.ts';
import { applySignal, type BegunTurn, sameCause } from './memory.ts';

type Wait = Extract<Recorded, { kind: 'wait' }>;

/** The time that a wait has lasted is kept in a checkpoint so often, or this often at most. */
const keepMsMin = 60_000;
const keptPerWait = 8;
/** When the actor could not be brought into memory. */
const againMs = 10_000;

export class Waits {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  onBegin(frame: Extract<FromRunner, { kind: 'wait-begin' }>): void {
    const turn = this.#core.turns.turnOf(frame.work);
    if (turn === undefined || turn.read) return;
    const { activation } = turn;
    const begun = this.#core.turns.begin(turn);
    const { ordinal, name, limitMs } = frame;
    const known = begun.recorded.find((one) => one.ordinal === ordinal);
    if (known?.outcome !== undefined) return this.#tell(activation, ordinal, known.outcome);
    const bare = { ordinal, kind: 'wait', name } as const;
    const wait: Wait = limitMs === undefined ? bare : { ...bare, limitMs };
    if (known === undefined) this.#core.turns.record(activation, wait);
    this.#offer(activation, wait);
  }

  /** The runner has given the turn up, and all that it was to run after it. */
  onWaits({ work, ordinals }: Extract<FromRunner, { kind: 'turn-waits' }>): void {
    const turn = this.#core.turns.turnOf(work);
    if (turn === undefined) return;
    const { activation } = turn;
    const [own, ...others] = this.#core.turns.takeBack(activation);
    if (activation.runner !== undefined) {
      const { id, runner } = activation;
      this.#core.runners.frame(runner, { kind: 'waits-seen', actor: id });
    }
    activation.mailbox.unshift(...others);
    for (const input of others) this.#core.mailboxes.dropCancelled(activation, input);
    const begun = activation.memory?.begun;
    if (begun === undefined || own === undefined) return;
    activation.parked = own;
    // What came meanwhile the runner has not heard (Y4).
    const heard = !begun.recorded.some(
      (one) => one.outcome !== undefined && ordinals.includes(one.ordinal),
    );
    begun.parked = heard;
    this.#core.passivation.used(activation);
    if (!heard) this.#unpark(activation);
    else if (own.cancelled) this.#cancelAll(activation);
    else this.#core.mailboxes.pump(activation);
    this.#core.departures.changed(activation);
    this.#core.wishes.onTurnEnd(activation);
  }

  /** Takes a signal in. Says why not, or undefined when it is recorded. */
  onSignal(activation: Activation, call: Call): Failure | 'full' | undefined {
    const { memory, id, epoch } = activation;
    if (memory === undefined) return 'full';
    const signal = signalIn(call);
    if ('code' in signal) return signal;
    const { name, value } = signal;
    if (!memory.signals.hasRoomFor(value)) return 'full';
    const known = call.scope === activation.scope ? call.clock : undefined;
    const fact = {
      kind: 'signalled',
      actor: id,
      epoch,
      number: memory.signals.count + 1,
      cause: { kind: 'call', ...call.caller },
      name,
      value,
      clock: clockChanges(memory.clock, mergeClocks(memory.clock, known ?? {})),
    } as const;
    this.#core.turns.fact(activation, fact);
    applySignal(memory, fact, this.#core.now);
    const wait = openWaits(memory.begun).find((one) => one.name === name);
    if (wait !== undefined) this.#offer(activation, wait);
    return undefined;
  }

  /** A begun turn of an actor that has come into memory is the first in its mailbox. */
  onResumed(activation: Activation): void {
    const { memory, left } = activation;
    activation.left = undefined;
    const begun = memory?.begun;
    if (begun === undefined || !begun.parked) return;
    // What was measured on this node is longer than what the checkpoint tells.
    if (left?.seq === begun.seq) {
      for (const [ordinal, since] of left.since) {
        if (begun.since.has(ordinal)) begun.since.set(ordinal, since);
      }
    }
    activation.parked = activation.mailbox.shift();
    if (activation.parked?.cancelled === true) return this.#cancelAll(activation);
    for (const wait of openWaits(begun)) this.#arm(activation, begun, wait);
  }

  /** It leaves memory on this node, which goes on to measure how long it waits. */
  onLeavesMemory(activation: Activation): void {
    const begun = activation.memory?.begun;
    if (begun !== undefined) activation.left = { seq: begun.seq, since: new Map(begun.since) };
  }

  /** The caller of a parked turn does not wait any longer: the turn hears that instead of a signal. */
  cancel(activation: Activation, input: Input): void {
    input.cancelled = true;
    if (activation.phase === 'live') this.#cancelAll(activation);
    else this.#core.hosting.wake(activation);
  }

  /** Nothing of its turn waits any more, or it lives elsewhere. */
  disarmAll(activation: Activation): void {
    for (const key of activation.waitAlarms.keys()) this.#disarm(activation, key);
  }

  /** A wait gets the oldest signal for it, or goes on waiting (Y1). */
  #offer(activation: Activation, wait: Wait): void {
    const { memory } = activation;
    const begun = memory?.begun;
    if (begun === undefined) return;
    const signal = memory?.signals.first(wait.name);
    if (signal === undefined) return this.#arm(activation, begun, wait);
    const outcome: Outcome = { ok: true, value: signal.value };
    this.#settle(activation, { ...wait, outcome, signal: signal.number });
  }

  #cancelAll(activation: Activation): void {
    const text = `the call of ${activation.id} was cancelled while it waited`;
    const outcome: Outcome = { ok: false, failure: failure('CANCELLED', text) };
    for (const wait of openWaits(activation.memory?.begun)) {
      this.#settle(activation, { ...wait, outcome });
    }
  }

  #settle(activation: Activation, wait: Wait & { readonly outcome: Outcome }): void {
    this.#core.turns.record(activation, wait);
    for (const purpose of purposes) this.#disarm(activation, keyOf(purpose, wait.ordinal));
    if (activation.parked !== undefined) this.#unpark(activation);
    else this.#tell(activation, wait.ordinal, wait.outcome);
  }

  #unpark(activation: Activation): void {
    const { parked } = activation;
    if (parked === undefined) return;
    activation.parked = undefined;
    activation.mailbox.unshift(parked);
    this.#core.mailboxes.pump(activation);
  }

  /** Tells the runner, if the turn is there. */
  #tell(activation: Activation, ordinal: number, outcome: Outcome): void {
    const { runner, memory } = activation;
    const [turn] = activation.dispatched;
    if (runner === undefined || turn === undefined || memory?.begun === undefined) return;
    if (!sameCause(turn.input.cause, memory.begun.cause)) return;
    const { work } = turn;
    this.#core.runners.frame(runner, { kind: 'call-returned', work, ordinal, outcome });
  }

  #arm(activation: Activation, begun: BegunTurn, { ordinal, limitMs }: Wait): void {
    if (limitMs === undefined) return;
    const since = begun.since.get(ordinal) ?? this.#core.now;
    const of = { activation, seq: begun.seq, ordinal };
    this.#set(since + limitMs, of, 'due');
    this.#set(this.#core.now + keepMsOf(limitMs), of, 'keep');
  }

  #set(at: number, of: Armed, purpose: Purpose, does = purpose): void {
    const { waitAlarms } = of.activation;
    const key = keyOf(purpose, of.ordinal);
    if (waitAlarms.has(key)) return;
    const ring = (): void => {
      waitAlarms.delete(key);
      this.#onAlarm(of, does);
    };
    waitAlarms.set(key, this.#core.alarms.set(at, ring));
  }

  #disarm(activation: Activation, key: string): void {
    const alarm = activation.waitAlarms.get(key);
    if (alarm === undefined) return;
    this.#core.alarms.cancel(alarm);
    activation.waitAlarms.delete(key);
  }

  #onAlarm(of: Armed, purpose: Purpose): void {
    const { activation, seq, ordinal } = of;
    if (activation.phase === 'released' || activation.phase === 'releasing') return;
    const { begun } = activation.memory ?? {};
    if (activation.phase !== 'live') {
      // It is brought into memory; what its wait is then due to is set there.
      const waits = activation.left ?? begun;
      if (waits?.seq !== seq || !waits.since.has(ordinal)) return;
      this.#core.hosting.wake(activation);
      return this.#set(this.#core.now + againMs, of, 'again', purpose);
    }
    const wait = openWaits(begun).find((one) => one.ordinal === ordinal);
    if (begun?.seq !== seq || wait?.limitMs === undefined) return;
    if (purpose === 'keep') {
      this.#core.checkpointing.begin(activation, 'wait');
      return this.#set(this.#core.now + keepMsOf(wait.limitMs), of, purpose);
    }
    const since = begun.since.get(ordinal) ?? this.#core.now;
    if (this.#core.now < since + wait.limitMs) return this.#set(since + wait.limitMs, of, 'due');
    const text = `no signal "${wait.name}" came to ${activation.id} within ${wait.limitMs} ms`;
    const details = { signal: wait.name, limitMs: wait.limitMs };
    const outcome: Outcome = { ok: false, failure: failure('NO_SIGNAL', text, details) };
    this.#settle(activation, { ...wait, outcome });
  }
}

/** The limit of a wait; keeping how long it has lasted; another try at either. */
const purposes = ['due', 'keep', 'again'] as const;
type Purpose = (typeof purposes)[number];

interface Armed {
  readonly activation: Activation;
  readonly seq: number;
  readonly ordinal: number;
}

function keyOf(purpose: Purpose, ordinal: number): string {
  return `${purpose} ${ordinal}`;
}

/** What a begun turn still waits for, the first asked first. */
function openWaits(begun: BegunTurn | undefined): readonly Wait[] {
  const waits: Wait[] = [];
  const lost = new Set<number>();
  for (const one of begun?.recorded ?? []) {
    if (one.kind === 'wait' && one.outcome === undefined) waits.push(one);
    if ('lost' in one) for (const ordinal of one.lost) lost.add(ordinal);
  }
  return waits
    .filter(({ ordinal }) => !lost.has(ordinal))
    .sort((left, right) => left.ordinal - right.ordinal);
}

function keepMsOf(limitMs: number): number {
  return Math.max(keepMsMin, limitMs / keptPerWait);
}

function signalIn({ args, actor }: Call): { name: string; value: Bytes } | Failure {
  try {
    const given = decodeValue(args);
    const [name, value] = Array.isArray(given) ? (given as unknown[]) : [];
    if (typeof name === 'string' && isTypeName(name)) {
      return { name, value: encodeValue(value ?? null) };
    }
  } catch {
    // Told below: what cannot be read names no signal.
  }
  return failure('INVALID_ARGUMENT', `a signal to ${actor} has no name`);
}
