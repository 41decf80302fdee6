/** Actors as they are made, found, listed, paused and destroyed; what they do is called elsewhere. */
import {
  type ActorState,
  type ActorView,
  actorParts,
  incarnation,
  type Labels,
  TroupeError,
} from '@troupe/model';
import { activityField } from './activity.ts';
import type { ActorCalls, AnyActorDefinition, UntypedCalls } from './actor.ts';
import { type WatchOptions, watchActors } from './actor-events.ts';
import { checkWhole, uint32Max } from './definition.ts';
import { nameOf } from './handle.ts';
import type { ActorEvent } from './lives.ts';
import type { Platform } from './platform.ts';
import type { SessionOwner } from './session-owner.ts';
import type { CallOptions } from './troupe.ts';
import { failureOfMessage } from './wire/failures.ts';
import type { ActorMessage, OwnerMessage } from './wire/messages.ts';
import type { Unary } from './wire/unary.ts';

export interface ListActorsOptions {
  readonly type?: string;
  /** Keys of that type that begin so. */
  readonly prefix?: string;
  /** Those with all of these labels. */
  readonly labels?: Labels;
  readonly state?: ActorState;
  /** Actors of one page; 100 unless given, at most 1,000. */
  readonly limit?: number;
}

export interface ActorPage {
  readonly actors: readonly ActorView[];
  /** How many there are of what was looked through: all, unless labels or a state are asked for. */
  readonly total: number;
  /** There may be more: `after` of the next page. */
  readonly next?: string;
  /** Of those that are ill not all are listed: a node with very many names only the first. */
  readonly cut?: true;
}

export interface CreateActorOptions extends Pick<CallOptions, 'scope'> {
  readonly labels?: Labels;
  /** It is destroyed soon after that ends: another actor, a run of this id, or this client, which ends by
   *  `close()`, or when the cluster has not heard of it for a minute. Without an owner it stays. */
  readonly owner?: Pick<ActorRef<unknown>, 'view'> | { readonly run: string } | 'session';
  /** One that is there will do; fail with `ALREADY_EXISTS` otherwise. */
  readonly orExisting?: boolean;
}

/** One actor, of one birth: when it was destroyed its calls fail with `GONE`, whoever has its name. */
export interface ActorRef<C> {
  readonly key: string;
  readonly birth: number;
  /** As it was when this was made. */
  readonly view: ActorView;
  readonly calls: C;
  /** For good: resolves when nothing of it is left. Doing it again changes nothing. */
  destroy(): Promise<void>;
  /** Resolves when it runs nothing. Calls wait until it is resumed, or fail with `PAUSED` at their
   *  deadline. */
  pause(): Promise<void>;
  resume(): Promise<void>;
}

type Target = AnyActorDefinition | string;
type CallsOf<A> = A extends AnyActorDefinition ? ActorCalls<A> : UntypedCalls;

export interface Actors {
  /** A page of the actors of the tenant, in the order of their ids. */
  (options?: ListActorsOptions & { readonly after?: string }): Promise<ActorPage>;
  /** All of them, a page at a time as they are asked for. */
  list(options?: ListActorsOptions): AsyncIterable<ActorView>;
  /** A new actor, durable when this resolves. Without a key it gets one that nobody else has. */
  create<A extends Target>(
    actor: A,
    key?: string,
    options?: CreateActorOptions,
  ): Promise<ActorRef<CallsOf<A>>>;
  /** Creates nothing. */
  getIfExists<A extends Target>(actor: A, key: string): Promise<ActorRef<CallsOf<A>> | undefined>;
  /** As it is, with what it does right now as far as its node says so in time; creates nothing. */
  show(actor: Target, key: string): Promise<ActorView | undefined>;
  /** The one that has the name now, if any. */
  destroy(actor: Target, key: string): Promise<void>;
  pause(actor: Target, key: string): Promise<void>;
  resume(actor: Target, key: string): Promise<void>;
  /** What becomes of actors from now on, or from a position on: failures, restarts, ends. It never ends by
   *  itself. */
  watch(options?: WatchOptions): AsyncGenerator<ActorEvent, never>;
  /** It leaves memory as soon as it is idle; the next call brings it back. */
  stop(actor: Target, key: string): Promise<void>;
}

type Wish = 'ActorsService/Destroy' | 'ActorsService/Pause' | 'ActorsService/Resume';
type Named = { readonly tenant: string; readonly type: string; readonly key: string };

/** `callsOf` makes the handle of one birth. */
export function actorsOf(
  unary: Unary,
  tenant: string,
  { platform, session }: { readonly platform: Platform; readonly session: SessionOwner },
  callsOf: (actor: Target, key: string, birth: number) => unknown,
): Actors {
  const named = (actor: Target, key: string): Named => ({ tenant, type: nameOf(actor), key });
  const wish = async (method: Wish, name: Named, birth: number, seen?: ActorView) => {
    if (method === 'ActorsService/Destroy') {
      await unary.ask(method, { ...name, birth }, { begins: true });
      return;
    }
    // It says what it follows, so that a copy of it that was held up never undoes a later wish.
    const { wishAt = 0 } = seen ?? (await viewOf(unary, name)) ?? {};
    await unary.ask(method, { ...name, birth, wishAt }, { begins: true });
  };
  const wishByName = async (method: Wish, actor: Target, key: string): Promise<void> => {
    const name = named(actor, key);
    // By its birth, so that asking again never touches the next one of the name.
    const found = await viewOf(unary, name);
    if (found !== undefined) return await wish(method, name, found.birth, found);
    if (method !== 'ActorsService/Destroy') await unary.ask('ActorsService/Get', name);
  };
  const refOf = <A extends Target>(actor: A, view: ActorView): ActorRef<CallsOf<A>> => {
    const { key } = actorParts(view.actor as never);
    const { birth } = view;
    const name = named(actor, key);
    return {
      key,
      birth,
      view,
      calls: callsOf(actor, key, birth) as CallsOf<A>,
      destroy: () => wish('ActorsService/Destroy', name, birth),
      pause: () => wish('ActorsService/Pause', name, birth),
      resume: () => wish('ActorsService/Resume', name, birth),
    };
  };
  const page = (options?: ListActorsOptions & { readonly after?: string }) =>
    pageOf(unary, tenant, options);
  return Object.assign(page, {
    list: (options: ListActorsOptions = {}) => eachOf(page, options),
    async create<A extends Target>(
      actor: A,
      key: string = platform.newId(),
      options: CreateActorOptions = {},
    ) {
      const { scope = '', labels = {}, orExisting = false } = options;
      const by = platform.newId();
      if (options.owner === 'session') session.owns();
      const owner = ownerOf(options.owner, session.session);
      const request = { ...named(actor, key), by, scope, labels, orExisting, ...owner };
      const made = await unary.ask('ActorsService/Create', request, { begins: true });
      return refOf(actor, actorViewOf(made.actor));
    },
    async getIfExists<A extends Target>(actor: A, key: string) {
      const view = await viewOf(unary, named(actor, key));
      return view === undefined || view.state === 'ending' ? undefined : refOf(actor, view);
    },
    watch: (options?: WatchOptions) => watchActors({ unary, tenant, platform }, options),
    show: (actor: Target, key: string) => viewOf(unary, { ...named(actor, key), activity: true }),
    destroy: (actor: Target, key: string) => wishByName('ActorsService/Destroy', actor, key),
    pause: (actor: Target, key: string) => wishByName('ActorsService/Pause', actor, key),
    resume: (actor: Target, key: string) => wishByName('ActorsService/Resume', actor, key),
    async stop(actor: Target, key: string) {
      await unary.ask('ActorsService/Stop', { ...named(actor, key), birth: 0 });
    },
  });
}

const nobody: OwnerMessage = { run: '', type: '', key: '', birth: 0, session: '' };

function ownerOf(
  owner: CreateActorOptions['owner'],
  session: string,
): { readonly owner?: OwnerMessage } {
  if (owner === undefined) return {};
  if (owner === 'session') return { owner: { ...nobody, session } };
  if ('run' in owner) return { owner: { ...nobody, run: owner.run } };
  const { actor, birth } = owner.view;
  const { type, key } = actorParts(actor as never);
  return { owner: { ...nobody, type, key, birth } };
}

async function pageOf(
  unary: Unary,
  tenant: string,
  options: ListActorsOptions & { readonly after?: string } = {},
): Promise<ActorPage> {
  const { type = '', prefix = '', limit = 100, labels = {}, state = '', after = '' } = options;
  checkWhole('limit', limit, 1, uint32Max);
  const asked = { tenant, type, prefix, limit, labels, state, after };
  const { actors, total, next, cut } = await unary.ask('ActorsService/List', asked);
  const bare = { actors: actors.map(actorViewOf), total };
  const found = cut ? ({ ...bare, cut: true } as const) : bare;
  return next ? { ...found, next } : found;
}

async function* eachOf(
  page: (options: ListActorsOptions & { readonly after?: string }) => Promise<ActorPage>,
  options: ListActorsOptions,
): AsyncGenerator<ActorView> {
  let after: string | undefined;
  do {
    const found: ActorPage = await page(after === undefined ? options : { ...options, after });
    yield* found.actors;
    after = found.next;
  } while (after !== undefined);
}

async function viewOf(
  unary: Unary,
  name: Named & { readonly activity?: true },
): Promise<ActorView | undefined> {
  try {
    return actorViewOf((await unary.ask('ActorsService/Get', name)).actor);
  } catch (thrown) {
    if (thrown instanceof TroupeError && thrown.code === 'UNKNOWN_ACTOR') return undefined;
    throw thrown;
  }
}

function actorViewOf(message: ActorMessage): ActorView {
  const { actor, node, birth, epoch, scope, chain, state, labels, failure, wishAt } = message;
  return {
    actor,
    node: incarnation(node),
    birth,
    epoch,
    scope,
    chain,
    state: (state || 'placed') as ActorState,
    ...(Object.keys(labels ?? {}).length === 0 ? {} : { labels }),
    ...(wishAt ? { wishAt } : {}),
    ...(failure === null || failure === undefined ? {} : { failure: failureOfMessage(failure) }),
    ...activityField(message.activity),
  };
}
