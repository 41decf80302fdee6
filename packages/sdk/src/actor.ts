/** `actor(type, { state, methods, reads })`: an addressable agent whose state is durable. */
import {
  healthMethod,
  type LetterTries,
  letterMethods,
  limits,
  type ReadGroup,
  type RestartPolicy,
  signalMethod,
  troupeError,
  version,
} from '@troupe/model';
import type { ReadContext, TurnContext } from './context.ts';
import {
  checkCount,
  checkName,
  checkWhole,
  type Definition,
  definitionBrand,
} from './definition.ts';
import { type LetterOptions, letterTriesOf } from './letter-tries.ts';
import type { ActorStream } from './stream.ts';

/** Methods of any actor. `never` keeps every parameter list assignable to it. */
export type AnyMethods = { readonly [name: string]: (c: never, ...args: never[]) => unknown };
export type NoMethods = Record<never, never>;

export interface ActorDefinition<
  S = unknown,
  M extends AnyMethods = AnyMethods,
  R extends AnyMethods = AnyMethods,
> extends Definition<'actor'> {
  readonly state: (key: string) => S;
  readonly methods: M;
  readonly reads: R;
  readonly turnLimitMs?: number;
  readonly waitsMs?: number;
  readonly letters?: LetterTries;
  readonly lettersOf?: { readonly [method: string]: LetterTries };
  readonly groups?: readonly ReadGroup[];
  readonly health?: (c: never) => unknown;
  readonly healthMs?: number;
  readonly restart?: RestartPolicy;
  readonly version?: number;
  readonly migrate?: Migrate;
}

type Migrate = (state: unknown, fromVersion: number) => unknown;

export type AnyActorDefinition = ActorDefinition<unknown, AnyMethods, AnyMethods>;

/** A method as its caller sees it: without the context, and always a promise. Of one that yields, it is
 *  what it returns in the end. */
export type Called<F> = F extends (c: never, ...args: infer A) => infer T
  ? (...args: A) => Promise<T extends Generated<unknown, infer R> ? R : Awaited<T>>
  : never;

type Generated<Y, R> = AsyncGenerator<Y, R, never> | Generator<Y, R, never>;

/** A method with `yield` in it, as its caller sees it who takes what it yields. */
export type Streamed<F> = F extends (c: never, ...args: infer A) => Generated<infer Y, infer R>
  ? (...args: A) => ActorStream<Y, R>
  : never;

/** The handle by which values are taken as methods yield them. */
export type ActorStreams<A extends AnyActorDefinition> = {
  readonly [K in keyof A['methods'] as Streamed<A['methods'][K]> extends never
    ? never
    : K]: Streamed<A['methods'][K]>;
};

/** The handle by which a client calls an actor. */
export type ClientCalls<A extends AnyActorDefinition> = ActorCalls<A> & {
  readonly stream: ActorStreams<A>;
};

/** The handle by which an actor is called. */
export type ActorCalls<A extends AnyActorDefinition> = {
  readonly [K in keyof A['methods']]: Called<A['methods'][K]>;
} & { readonly [K in keyof A['reads']]: Called<A['reads'][K]> };

/** The handle by which an actor is sent to: nothing comes back. */
export type ActorSends<A extends AnyActorDefinition> = {
  readonly [K in keyof A['methods']]: A['methods'][K] extends (
    c: never,
    ...args: infer P
  ) => unknown
    ? (...args: P) => void
    : never;
};

/** An actor addressed by the name of its type only. */
export interface UntypedCalls {
  readonly [method: string]: (...args: unknown[]) => Promise<unknown>;
}

/** The same for a client. */
export type UntypedClientCalls = UntypedCalls & {
  readonly stream: {
    readonly [method: string]: (...args: unknown[]) => ActorStream<unknown, unknown>;
  };
};

export interface ActorOptions<S, M, R> {
  /** State of an actor that is called for the first time. */
  readonly state: (key: string) => S;
  /** One call runs at a time; what it did to the state is durable before it is answered. */
  readonly methods: M & {
    readonly [name: string]: (c: TurnContext<S>, ...args: never[]) => unknown;
  };
  /** See the state of the last turn, change nothing, and may run beside a turn. */
  readonly reads?: R & {
    readonly [name: string]: (c: ReadContext<S>, ...args: never[]) => unknown;
  };
  /** Longest time that one turn may take; what it waits for signals does not count. */
  readonly turnLimitMs?: number;
  /** Milliseconds that its turns may wait for signals while their callers await the reply: so much
   *  longer these wait before they take the outcome for unknown. 0 unless given. */
  readonly waitsMs?: number;
  /** How often letters to it are tried whose turns fail, and those to some of its methods; what a sender
   *  says goes first. */
  readonly letters?: LetterOptions & {
    readonly methods?: { readonly [K in keyof M]?: LetterOptions };
  };
  /** Asked now and then of an actor in memory: it is ill when this throws or says false. One that is ill
   *  is listed as failed, and brought into memory anew. */
  readonly health?: (c: ReadContext<S>) => unknown;
  /** How often; every 30 s unless given, every second at most. */
  readonly healthMs?: number;
  /** What becomes of one that fails again and again: that it cannot be brought into memory, crashes its runner, or
   *  is ill by its own word. */
  readonly restart?: RestartOptions;
  /** Of the form of its state, 1 unless given: raise it when states that are there no longer fit. */
  readonly version?: number;
  /** Makes a state of an earlier version one of this version: what it returns, which may be `state` itself,
   *  changed in place. It must do nothing else: it may run several times, and once it counts. When it throws
   *  the actor stays as it is, with the bundle that it had. */
  migrate?(state: unknown, fromVersion: number): S;
  /** Groups of reads, by name: of each only so many run at once, beside the turn and beside other reads;
   *  the rest wait, and keep nothing else waiting. Reads of no group are not bounded. */
  readonly groups?: {
    readonly [group: string]: {
      readonly most: number;
      readonly reads: readonly (keyof R & string)[];
    };
  };
}

export interface RestartOptions {
  /** How long it is held back when it has failed twice in a row, and for twice as long each time after that; 1 s
   *  unless given. */
  readonly backoffMs?: number;
  /** No longer than this; a minute unless given, or `backoffMs` where that is more. */
  readonly backoffMsMax?: number;
  /** Failures in a row with which it is given up: it is not tried again, and its calls are refused with `GIVEN_UP`,
   *  until somebody resumes it. Without it, it is tried for good. */
  readonly failuresMax?: number;
}

/** Defines a type of actor. Export it from the bundle that is deployed. */
export function actor<S, M extends AnyMethods, R extends AnyMethods = NoMethods>(
  type: string,
  options: ActorOptions<S, M, R>,
): ActorDefinition<S, M, R> {
  checkName('actor type', type);
  if (typeof options.state !== 'function') {
    throw troupeError('INVALID_ARGUMENT', `actor ${type} has no state function`);
  }
  const reads = options.reads ?? ({} as R);
  checkMethods(type, options.methods, reads);
  checkCount(`turnLimitMs of actor ${type}`, options.turnLimitMs, 1);
  checkCount(`waitsMs of actor ${type}`, options.waitsMs, 0);
  checkCount(`healthMs of actor ${type}`, options.healthMs, 1_000);
  checkCount(`version of actor ${type}`, options.version, 1);
  const { health, healthMs = limits.healthMs, migrate } = options;
  if (migrate !== undefined && (options.version ?? 1) === 1) {
    const what = `actor ${type} has a migrate function, and no version above 1 to migrate to`;
    throw troupeError('INVALID_ARGUMENT', what);
  }
  const groups = groupsOf(type, options.groups ?? {}, reads);
  const definition: ActorDefinition<S, M, R> = {
    [definitionBrand]: 'actor',
    name: type,
    sdk: version,
    state: options.state,
    methods: options.methods,
    reads,
    ...(options.turnLimitMs === undefined ? {} : { turnLimitMs: options.turnLimitMs }),
    ...(options.waitsMs === undefined ? {} : { waitsMs: options.waitsMs }),
    ...lettersOf(type, options.letters, options.methods),
    ...(groups.length === 0 ? {} : { groups }),
    ...(health === undefined ? {} : { health, healthMs }),
    ...(options.restart === undefined ? {} : { restart: restartOf(type, options.restart) }),
    ...(options.version === undefined ? {} : { version: options.version }),
    ...(migrate === undefined ? {} : { migrate }),
  };
  return Object.freeze(definition);
}

function restartOf(type: string, options: RestartOptions): RestartPolicy {
  const { backoffMs = limits.heldBackMs, failuresMax } = options;
  const { backoffMsMax = Math.max(backoffMs, limits.heldBackMsMax) } = options;
  const most = limits.restartBackoffMsMax;
  checkWhole(`restart.backoffMs of actor ${type}`, backoffMs, 1, most);
  checkWhole(`restart.backoffMsMax of actor ${type}`, backoffMsMax, backoffMs, most);
  checkWhole(`restart.failuresMax of actor ${type}`, failuresMax, 1, limits.restartFailuresMax);
  const policy = { backoffMs, backoffMsMax };
  return failuresMax === undefined ? policy : { ...policy, failuresMax };
}

function lettersOf(
  type: string,
  options: (LetterOptions & { readonly methods?: object }) | undefined,
  methods: AnyMethods,
): Pick<ActorDefinition, 'letters' | 'lettersOf'> {
  if (options === undefined) return {};
  const letters = letterTriesOf(`letters of actor ${type}`, options);
  const of: Record<string, LetterTries> = {};
  const named: { readonly [method: string]: LetterOptions } = { ...options.methods };
  for (const [name, own] of Object.entries(named)) {
    const what = `letters of ${type}.${name}`;
    if (!Object.hasOwn(methods, name)) {
      throw troupeError('INVALID_ARGUMENT', `${what}: the actor has no such method`);
    }
    const tries = letterTriesOf(what, { ...options, ...own });
    if (tries !== undefined) of[name] = tries;
  }
  return { ...(letters === undefined ? {} : { letters }), lettersOf: of };
}

function groupsOf(
  type: string,
  groups: {
    readonly [group: string]: { readonly most: number; readonly reads: readonly string[] };
  },
  reads: AnyMethods,
): readonly ReadGroup[] {
  const taken = new Set<string>();
  return Object.entries(groups).map(([name, { most, reads: named }]) => {
    checkName(`group of actor ${type}`, name);
    checkCount(`most of group ${name} of actor ${type}`, most, 1);
    for (const read of named) {
      const fault = Object.hasOwn(reads, read)
        ? taken.has(read) && 'is in two groups'
        : 'is no read, and only reads do not touch the state';
      if (fault) throw troupeError('INVALID_ARGUMENT', `${type}.${read} ${fault}`);
      taken.add(read);
    }
    return { name, most, reads: [...named] };
  });
}

function checkMethods(type: string, methods: AnyMethods, reads: AnyMethods): void {
  for (const [kind, table] of [
    ['method', methods],
    ['read', reads],
  ] as const) {
    for (const [name, run] of Object.entries(table)) {
      checkName(`${kind} of actor ${type}`, name);
      if (typeof run !== 'function') {
        throw troupeError('INVALID_ARGUMENT', `${kind} ${type}.${name} is not a function`);
      }
      if (name === signalMethod || name === healthMethod) {
        throw troupeError('INVALID_ARGUMENT', `${type}.${name} has a name that is taken`);
      }
      if (letterMethods.includes(name)) {
        throw troupeError('INVALID_ARGUMENT', `${type}.${name} is a name of dead letters`);
      }
      if (name === 'then') {
        throw troupeError('INVALID_ARGUMENT', `${kind} ${type}.then would make handles promises`);
      }
    }
  }
  for (const name of Object.keys(reads)) {
    if (Object.hasOwn(methods, name)) {
      throw troupeError('INVALID_ARGUMENT', `${type}.${name} is both a method and a read`);
    }
  }
}
