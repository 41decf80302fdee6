/** What a method is given while its turn runs; a read is given less. */
import {
  actorParts,
  type FromRunner,
  isTypeName,
  type OutgoingSend,
  sameActor,
  signalMethod,
  type TimerChange,
  type ToRunner,
  troupeError,
} from '@troupe/model';
import type {
  CallLimit,
  SendOptions,
  StepContext,
  StepOptions,
  Timers,
  TimerView,
  UndoContext,
  UndoOptions,
  WaitOptions,
} from '@troupe/sdk';
import {
  idempotencyKeyOf,
  letterTriesOf,
  makeHandle,
  nameOf,
  saidPriority,
} from '@troupe/sdk/internal';
import { type Configured, type ConfigValues, notConfigured } from './configs.ts';
import { type Asked, ask, checkDeadline, type Emit } from './departures.ts';
import type { Box, HeldState } from './held-state.ts';
import type { HeldTimers } from './held-timers.ts';
import { checkNumber, checkOptions, checkTries } from './options.ts';
import { revealed } from './revealed.ts';
import { takeStep } from './step.ts';
import { type TimerDraft, timerViews } from './timer-draft.ts';
import { publication, subscription, unsubscription } from './topics.ts';
import { compensate } from './undos.ts';
import type { Work } from './work.ts';

/** `config` is what was given for its tenant when it came. */
export type TurnFrame = Extract<ToRunner, { kind: 'turn' }> & { readonly config?: Configured };

/** What a context stands on. */
export interface Grounds<T> {
  readonly held: HeldState;
  readonly timers: T;
  readonly work: Work;
  readonly emit: Emit;
}

/** Throws when the actor has no such method for what is named. */
type CheckMethod = (method: string, what: string) => void;

const noChanges: readonly TimerChange[] = [];

type Named = string | { readonly name: string };

/** The context of a turn. Functions are fields so that user code may take them apart. */
export class TurnScope {
  readonly key: string;
  readonly id: string;
  readonly callId: string;
  readonly sends: OutgoingSend[] = [];
  readonly #config: Configured;
  readonly #openTimers: () => TimerDraft;
  #timers: { readonly draft: TimerDraft; readonly forUser: Timers } | undefined;
  readonly #held: HeldState;
  readonly #work: Work;
  readonly #emit: Emit;
  readonly #checkMethod: CheckMethod;
  #draft: Box | undefined;

  constructor(frame: TurnFrame, given: Grounds<() => TimerDraft> & { checkMethod: CheckMethod }) {
    const { held, timers, work, emit, checkMethod } = given;
    this.key = actorParts(sameActor(frame.actor)).key;
    this.id = sameActor(frame.actor);
    this.callId = frame.callId;
    this.#config = frame.config ?? notConfigured;
    this.#openTimers = timers;
    this.#held = held;
    this.#work = work;
    this.#emit = emit;
    this.#checkMethod = checkMethod;
  }

  /** The draft, if user code has looked at the state. */
  get draft(): Box | undefined {
    return this.#draft;
  }

  get state(): unknown {
    return this.#opened('c.state').state;
  }

  set state(state: unknown) {
    this.#opened('c.state').state = state;
  }

  get signal(): AbortSignal {
    return this.#work.signal;
  }

  get timers(): Timers {
    return this.#usedTimers().forUser;
  }

  /** What it did to timers: most turns never look at them. */
  get timerChanges(): readonly TimerChange[] {
    return this.#timers?.draft.changes() ?? noChanges;
  }

  get config(): ConfigValues {
    return this.#config.values;
  }

  readonly secret = (name: string): string => {
    this.#work.checkOpen('c.secret');
    return this.#config.secret(name);
  };

  readonly log = (text: string): void => {
    this.#work.checkOpen('c.log');
    this.#emit(logOf(this.#work, text));
  };

  readonly progress = (share: number, text?: string): void => {
    this.#work.checkOpen('c.progress');
    this.#work.tellProgress(share, text);
  };

  readonly step = (
    name: string,
    run: (step: StepContext) => unknown,
    options: StepOptions<never> = {},
  ): Promise<unknown> => {
    this.#work.checkOpen('c.step');
    if (typeof name !== 'string' || name === '' || typeof run !== 'function') {
      throw troupeError('INVALID_ARGUMENT', `c.step of ${this.id} needs a name and a function`);
    }
    checkTries(`step ${name}`, options);
    const { callId } = this;
    return takeStep(this.#work, this.#emit, { name, run, options, callId });
  };

  readonly compensate = (
    name: string,
    run: (undo: UndoContext) => unknown,
    options: UndoOptions = {},
  ): void => {
    this.#work.checkOpen('c.compensate');
    compensate(this.#work, name, run, options);
  };

  readonly all = (list: readonly unknown[]): Promise<unknown> => {
    this.#work.checkOpen('c.all');
    return this.#work.departures.all(list);
  };

  readonly race = (list: readonly unknown[]): Promise<unknown> => {
    this.#work.checkOpen('c.race');
    return this.#work.departures.race(list);
  };

  readonly waitFor = (name: string, options: WaitOptions = {}): Promise<unknown> => {
    this.#work.checkOpen('c.waitFor');
    checkSignal(name);
    checkOptions(`c.waitFor ${name}`, options);
    const { limitMs } = options;
    checkNumber(`c.waitFor ${name}`, 'limitMs', limitMs, 1);
    return this.#work.departures.waitFor(name, limitMs);
  };

  readonly continueStream = (): number => {
    this.#work.checkOpen('c.continueStream');
    return this.#work.stream?.goOn() ?? 0;
  };

  readonly signalTo = (
    actor: Named,
    key: string,
    name: string,
    value: unknown = null,
    options: CallLimit = {},
  ): Promise<unknown> => {
    this.#work.checkOpen('c.signalTo');
    checkSignal(name);
    const asked = ask(nameOf(actor), key, signalMethod, [name, value]);
    checkOptions(`c.signalTo ${name}`, options);
    return callWithin(this.#work, asked, options);
  };

  readonly actor = (actor: Named, key: string, options: CallLimit = {}): unknown =>
    callsFrom(this.#work, actor, key, options);

  readonly send = (actor: Named, key: string, options: SendOptions = {}): unknown => {
    checkOptions(`a letter of ${this.id}`, options);
    const { delayMs = 0 } = options;
    const tries = letterTriesOf(`a letter of ${this.id}`, options);
    const priority = saidPriority(`a letter of ${this.id}`, options.priority);
    return makeHandle((method, args) => {
      this.#work.checkOpen('c.send');
      const bare = ask(nameOf(actor), key, method, args);
      const what = `letter ${bare.type}/${key}.${method}`;
      const idempotencyKey = idempotencyKeyOf(what, options.idempotencyKey);
      const asked = {
        ...bare,
        ...(tries === undefined ? {} : { tries }),
        ...(priority === undefined ? {} : { priority }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      };
      if (delayMs === 0) this.sends.push(asked);
      else this.#usedTimers().draft.sendLater(asked, delayMs);
    });
  };

  readonly publish = (topic: string, value: unknown): void => {
    this.#work.checkOpen('c.publish');
    this.sends.push(publication(topic, value));
  };

  readonly subscribe = (
    topic: string,
    method: string,
    options: CallLimit = {},
  ): Promise<unknown> => {
    this.#work.checkOpen('c.subscribe');
    this.#checkMethod(method, `topic ${topic}`);
    checkOptions(`c.subscribe ${topic}`, options);
    return callWithin(this.#work, subscription(this.id, topic, method), options);
  };

  readonly unsubscribe = (topic: string, options: CallLimit = {}): Promise<unknown> => {
    this.#work.checkOpen('c.unsubscribe');
    checkOptions(`c.unsubscribe ${topic}`, options);
    return callWithin(this.#work, unsubscription(this.id, topic), options);
  };

  #usedTimers(): { readonly draft: TimerDraft; readonly forUser: Timers } {
    if (this.#timers === undefined) {
      const draft = this.#openTimers();
      this.#timers = { draft, forUser: draft.forUser((use) => this.#work.checkOpen(use)) };
    }
    return this.#timers;
  }

  #opened(use: string): Box {
    this.#work.checkOpen(use);
    this.#draft ??= this.#held.begin();
    return this.#draft;
  }
}

/** A line for the log of the node, without the secrets that user code was given. */
export function logOf(work: Work, text: string): FromRunner {
  return { kind: 'log', level: 'info', text: revealed.scrub(`${work.name}: ${text}`) };
}

function checkSignal(name: unknown): void {
  if (typeof name === 'string' && isTypeName(name)) return;
  throw troupeError('INVALID_ARGUMENT', `${JSON.stringify(name)} is no name of a signal`);
}

/** A handle by which a turn or task calls an actor and awaits the reply. */
export function callsFrom(work: Work, actor: Named, key: string, options: CallLimit): unknown {
  checkOptions(`calls of ${nameOf(actor)}/${key}`, options);
  const deadlineMs = checkDeadline(options.deadlineMs);
  const priority = saidPriority(`calls of ${nameOf(actor)}/${key}`, options.priority);
  return makeHandle((method, args) => {
    work.checkOpen('c.actor');
    const asked = ask(nameOf(actor), key, method, args);
    return work.departures.call(
      priority === undefined ? asked : { ...asked, priority },
      deadlineMs,
    );
  });
}

/** One call, as urgent and within as long as its options say. */
export function callWithin(work: Work, asked: Asked, options: CallLimit): Promise<unknown> {
  const deadlineMs = checkDeadline(options.deadlineMs);
  const what = `a call of ${asked.type}/${asked.key}`;
  const priority = saidPriority(what, options.priority);
  return work.departures.call(priority === undefined ? asked : { ...asked, priority }, deadlineMs);
}

/** The context of a read. What commits or leaves the actor is not there, and says so. */
export class ReadScope {
  readonly state: unknown;
  readonly key: string;
  readonly id: string;
  readonly callId: string;
  readonly timers: Pick<Timers, 'list'>;
  readonly config: ConfigValues;
  readonly #work: Work;
  readonly #emit: Emit;

  constructor(frame: TurnFrame, { held, timers, work, emit }: Grounds<HeldTimers>) {
    this.state = held.current;
    const pending = timers.pending();
    this.timers = Object.freeze({ list: (): readonly TimerView[] => timerViews(pending) });
    this.key = actorParts(sameActor(frame.actor)).key;
    this.id = sameActor(frame.actor);
    this.callId = frame.callId;
    this.config = (frame.config ?? notConfigured).values;
    this.#work = work;
    this.#emit = emit;
    Object.freeze(this);
  }

  get signal(): AbortSignal {
    return this.#work.signal;
  }

  get step(): never {
    throw this.#refused('step');
  }

  get actor(): never {
    throw this.#refused('actor');
  }

  get send(): never {
    throw this.#refused('send');
  }

  log(text: string): void {
    this.#work.checkOpen('c.log');
    this.#emit(logOf(this.#work, text));
  }

  get all(): never {
    throw this.#refused('all');
  }

  get race(): never {
    throw this.#refused('race');
  }

  get compensate(): never {
    throw this.#refused('compensate');
  }

  get waitFor(): never {
    throw this.#refused('waitFor');
  }

  get signalTo(): never {
    throw this.#refused('signalTo');
  }

  get publish(): never {
    throw this.#refused('publish');
  }

  get subscribe(): never {
    throw this.#refused('subscribe');
  }

  get unsubscribe(): never {
    throw this.#refused('unsubscribe');
  }

  get continueStream(): never {
    throw this.#refused('continueStream');
  }

  #refused(what: string): Error {
    const why = `${this.#work.name} is a read, which commits nothing: c.${what} is only for methods`;
    return troupeError('WRONG_STATE', why);
  }
}
