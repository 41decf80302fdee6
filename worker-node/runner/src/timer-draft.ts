/** What one turn does to the timers of its actor: nothing of it counts unless the turn ends well. */
import {
  decodeValue,
  isPeriodic,
  isTypeName,
  limits,
  type OutgoingSend,
  type PendingTimer,
  type TimerChange,
  type TimerErrand,
  type TimerWhen,
  troupeError,
  whenFault,
} from '@troupe/model';
import type { TimerOptions, Timers, TimerView } from '@troupe/sdk';
import type { HeldTimers } from './held-timers.ts';
import { checkOptions } from './options.ts';
import { encodePayload } from './outcome.ts';

type SetChange = Extract<TimerChange, { kind: 'set' }>;

export class TimerDraft {
  readonly #held: HeldTimers;
  /** The timer of the firing that the turn is, when it does not come again. */
  readonly #over: PendingTimer | undefined;
  readonly #checkMethod: (method: string) => void;
  readonly #wall: () => number;
  readonly #later: SetChange[] = [];
  /** The last change of each name. */
  readonly #named = new Map<string, TimerChange>();

  constructor(given: {
    readonly held: HeldTimers;
    /** Number of the timer of the firing that the turn is. */
    readonly fired: number | undefined;
    readonly checkMethod: (method: string) => void;
    /** Wall-clock ms. */
    readonly wall: () => number;
  }) {
    this.#held = given.held;
    const fired = given.held.get(given.fired ?? 0);
    this.#over = fired === undefined || isPeriodic(fired.when) ? undefined : fired;
    this.#checkMethod = given.checkMethod;
    this.#wall = given.wall;
  }

  changes(): readonly TimerChange[] {
    return [...this.#later, ...this.#named.values()];
  }

  sendLater(send: OutgoingSend, delayMs: number): void {
    const { type, key, method, args, tries, priority, idempotencyKey } = send;
    const when = { kind: 'after', ms: delayMs } as const;
    this.#check(when, 'delayMs', `${type}/${key}.${method}`);
    this.#checkRoom();
    const letter = { kind: 'set', when, method, args, to: { type, key } } as const;
    this.#later.push({
      ...letter,
      ...(tries === undefined ? {} : { tries }),
      ...(priority === undefined ? {} : { priority }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
  }

  /** `checkOpen` throws when the turn has ended. */
  forUser(checkOpen: (use: string) => void): Timers {
    return Object.freeze({
      set: (name: string, timer: TimerOptions): void => {
        checkOpen('c.timers.set');
        this.#set(name, timer);
      },
      cancel: (name: string): boolean => {
        checkOpen('c.timers.cancel');
        return this.#cancel(name);
      },
      list: (): readonly TimerView[] => {
        checkOpen('c.timers.list');
        return timerViews(this.#pending());
      },
    });
  }

  #set(name: string, timer: TimerOptions): void {
    if (typeof name !== 'string' || name === '' || name.length > limits.timerNameLengthMax) {
      const what = `a timer needs a name of 1 to ${limits.timerNameLengthMax} characters`;
      throw troupeError('INVALID_ARGUMENT', what);
    }
    checkOptions(`timer "${name}"`, timer);
    const { method, args = [] } = timer;
    if (typeof method !== 'string' || !isTypeName(method) || !Array.isArray(args)) {
      throw troupeError('INVALID_ARGUMENT', `timer "${name}" needs a method, and args in an array`);
    }
    this.#checkMethod(method);
    const when = whenOf(name, timer);
    this.#check(when, 'afterMs', `timer "${name}"`);
    if (!this.#has(name)) this.#checkRoom();
    const errand: TimerErrand = { method, args: encodePayload([...args], 'args') };
    this.#named.delete(name);
    this.#named.set(name, { kind: 'set', name, when, ...errand });
  }

  #cancel(name: string): boolean {
    const existed = this.#has(name);
    this.#named.delete(name);
    if (this.#heldNamed(name) !== undefined) this.#named.set(name, { kind: 'cancel', name });
    return existed;
  }

  #has(name: string): boolean {
    const change = this.#named.get(name);
    return change === undefined ? this.#heldNamed(name) !== undefined : change.kind === 'set';
  }

  #heldNamed(name: string): PendingTimer | undefined {
    const timer = this.#held.named(name);
    return timer === this.#over ? undefined : timer;
  }

  /** As they will stand when the turn has ended well. */
  #pending(): Pick<PendingTimer, 'name' | 'when' | 'method' | 'args' | 'firing'>[] {
    const stay = this.#held
      .pending()
      .filter((one) => one !== this.#over && !this.#named.has(one.name ?? ''));
    const set = [...this.#named.values()].filter((one) => one.kind === 'set');
    return [...stay, ...set.map((one) => ({ ...one, firing: 1 }))];
  }

  #checkRoom(): void {
    let count = this.#held.size + this.#later.length - (this.#over === undefined ? 0 : 1);
    for (const [name, change] of this.#named) {
      const isHeld = this.#heldNamed(name) !== undefined;
      if (change.kind === 'set' && !isHeld) count += 1;
      if (change.kind === 'cancel' && isHeld) count -= 1;
    }
    if (count < limits.actorTimersMax) return;
    const what = `${count} timers of this actor wait, delayed sends among them`;
    throw troupeError('RESOURCE_EXHAUSTED', `${what}: cancel some, or let some fire`, {
      timersMax: limits.actorTimersMax,
    });
  }

  #check(when: TimerWhen, called: string, what: string): void {
    const fault = whenFault(when, this.#wall());
    if (fault === undefined) return;
    const text = fault.replace('afterMs', called);
    throw troupeError('INVALID_ARGUMENT', `${what} cannot be set: ${text}`);
  }
}

/** Those with a name: delayed sends are told apart by nothing. */
export function timerViews(
  pending: readonly Pick<PendingTimer, 'name' | 'when' | 'method' | 'args' | 'firing'>[],
): readonly TimerView[] {
  const views: TimerView[] = [];
  for (const { name, when, method, args, firing } of pending) {
    if (name === undefined) continue;
    const decoded = decodeValue(args) as readonly unknown[];
    views.push({ name, method, args: decoded, fired: firing - 1, ...scheduleOf(when) });
  }
  return views;
}

function whenOf(name: string, timer: TimerOptions): TimerWhen {
  const { afterMs, everyMs, at, cron, zone } = timer;
  const isTimed = afterMs !== undefined || everyMs !== undefined;
  const ways = [isTimed, at !== undefined, cron !== undefined].filter(Boolean).length;
  if (ways !== 1 || (zone !== undefined && cron === undefined)) {
    const what = `timer "${name}" needs afterMs or everyMs or both, or at, or cron with a zone`;
    throw troupeError('INVALID_ARGUMENT', what);
  }
  if (at !== undefined) return { kind: 'at', wall: Number(at) };
  if (cron !== undefined) return { kind: 'cron', cron: String(cron), zone: String(zone ?? 'UTC') };
  if (everyMs === undefined) return { kind: 'after', ms: afterMs ?? 0 };
  return { kind: 'every', firstMs: afterMs ?? everyMs, ms: everyMs };
}

function scheduleOf(
  when: TimerWhen,
): Pick<TimerView, 'afterMs' | 'everyMs' | 'at' | 'cron' | 'zone'> {
  switch (when.kind) {
    case 'after':
      return { afterMs: when.ms };
    case 'every':
      return { afterMs: when.firstMs, everyMs: when.ms };
    case 'at':
      return { at: new Date(when.wall) };
    case 'cron':
      return { cron: when.cron, zone: when.zone };
  }
}
