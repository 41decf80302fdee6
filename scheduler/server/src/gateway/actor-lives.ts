/** The calls of `ActorsService` that make, show, list, pause and destroy actors. */
import {
  type ActorId,
  type ActorOwner,
  type ActorState,
  type ActorView,
  type Labels,
  type RequestBody,
  TroupeError,
  troupeError,
} from '@troupe/model';
import {
  checkedActor,
  checkedBirth,
  checkedId,
  checkedKnownRun,
  checkedLabels,
  checkedLimit,
  checkedName,
  checkedNumber,
  checkedSession,
  checkedState,
  tenantOf,
} from './checked.ts';
import { type Asked, errorMessage, unary } from './coded.ts';
import type { Gateway } from './gateway.ts';

export interface NamedActor {
  readonly tenant: string;
  readonly type: string;
  readonly key: string;
}

export interface BornActor extends NamedActor {
  readonly birth: number;
}

export interface WishedActor extends BornActor {
  readonly wishAt?: number;
}

export interface GetActorRequest extends NamedActor {
  readonly activity: boolean;
}

export interface CreateActorRequest extends NamedActor {
  readonly by: string;
  readonly scope: string;
  readonly labels: Labels;
  readonly orExisting: boolean;
  readonly owner?: {
    readonly run: string;
    readonly type: string;
    readonly key: string;
    readonly birth: number;
    readonly session: string;
  } | null;
}

export interface ListActorsRequest {
  readonly tenant: string;
  readonly type: string;
  readonly prefix: string;
  readonly limit: number;
  readonly labels: Labels;
  readonly state: string;
  readonly after: string;
}

type Wish = Extract<RequestBody, { kind: 'wish-actor' }>['wish'];

const listedActorsMax = 10_000;

export function actorLives(gateway: Gateway) {
  const wished = (wish: Wish) =>
    unary(gateway, (asked: Asked<WishedActor>) => wishFor(gateway, asked, wish));
  return {
    Create: unary(gateway, (asked: Asked<CreateActorRequest>) => create(gateway, asked)),
    Get: unary(gateway, async (asked: Asked<GetActorRequest>) => {
      const { activity } = asked.request;
      return { actor: messageOf(await viewOf(gateway, asked, nameOf(asked.request), activity)) };
    }),
    Destroy: wished('ending'),
    Pause: wished('paused'),
    Resume: wished('live'),
    Stop: unary(gateway, (asked: Asked<BornActor>) => stop(gateway, asked)),
    ListEvents: unary(gateway, (asked: Asked<ListEventsRequest>) => listEvents(gateway, asked)),
    KeepSession: unary(gateway, (asked: Asked<OwningSession>) =>
      ofSession(gateway, asked, 'keep-session'),
    ),
    EndSession: unary(gateway, (asked: Asked<OwningSession>) =>
      ofSession(gateway, asked, 'end-session'),
    ),
    List: unary(gateway, (asked: Asked<ListActorsRequest>) => list(gateway, asked)),
  };
}

async function create(gateway: Gateway, asked: Asked<CreateActorRequest>) {
  const { request } = asked;
  const { scope, orExisting } = request;
  const labels = checkedLabels(request.labels);
  const answer = await askLeader(gateway, asked, {
    kind: 'create-actor',
    actor: nameOf(request),
    by: checkedId('by', request.by),
    ...(scope === '' ? {} : { scope }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(orExisting ? { orExisting } : {}),
    ...ownerOf(request),
  });
  if (answer.kind !== 'actor') throw unexpected(answer.kind);
  return { actor: messageOf(answer.actor), created: answer.created === true };
}

function ownerOf({ tenant, owner }: CreateActorRequest): { readonly owner?: ActorOwner } {
  if (!owner) return {};
  if (owner.session !== '') {
    const session = checkedSession(owner.session);
    return { owner: { kind: 'session', tenant: tenantOf(tenant), session } };
  }
  if (owner.run !== '') return { owner: { kind: 'run', run: checkedKnownRun(owner.run) } };
  const { type, key } = owner;
  const birth = checkedNumber('owner.birth', owner.birth);
  return { owner: { kind: 'actor', actor: nameOf({ tenant, type, key }), birth } };
}

/** Without a birth it is for the one that is there now: a repetition may find another one. */
async function wishFor(gateway: Gateway, asked: Asked<WishedActor>, wish: Wish) {
  const actor = nameOf(asked.request);
  const birth = checkedBirth(asked.request.birth) ?? (await birthOf(gateway, asked, actor, wish));
  if (birth === undefined) return {};
  const follows = wishAtOf(asked.request);
  await askLeader(gateway, asked, { kind: 'wish-actor', actor, birth, wish, ...follows });
  return {};
}

function wishAtOf({ wishAt }: WishedActor): { readonly wishAt?: number } {
  return typeof wishAt === 'number' ? { wishAt: checkedNumber('wish_at', wishAt, 0) } : {};
}

export interface ListEventsRequest {
  readonly tenant: string;
  readonly after: number;
  readonly limit: number;
}

async function listEvents(gateway: Gateway, asked: Asked<ListEventsRequest>) {
  const { tenant, after } = asked.request;
  const limit = checkedLimit(asked.request.limit, listedActorsMax);
  const of = { tenant: tenantOf(tenant), after: checkedNumber('after', after, 0), limit };
  const answer = await askLeader(gateway, asked, { kind: 'list-supervision', ...of });
  if (answer.kind !== 'supervision') throw unexpected(answer.kind);
  const { events, next, missed } = answer;
  const told = events.map(({ failure, ...event }) => {
    return { ...event, failure: failure === undefined ? null : errorMessage(failure) };
  });
  return { events: told, next, missed };
}

export interface OwningSession {
  readonly tenant: string;
  readonly session: string;
}

async function ofSession(
  gateway: Gateway,
  asked: Asked<OwningSession>,
  kind: 'keep-session' | 'end-session',
) {
  const { tenant, session } = asked.request;
  const of = { tenant: tenantOf(tenant), session: checkedSession(session) };
  await askLeader(gateway, asked, { kind, ...of });
  return {};
}

async function stop(gateway: Gateway, asked: Asked<BornActor>) {
  const actor = nameOf(asked.request);
  const { birth } = await viewOf(gateway, asked, actor);
  await askLeader(gateway, asked, { kind: 'stop-actor-request', actor, birth });
  return {};
}

/** Nothing when it is to be destroyed, and is not there. */
async function birthOf(
  gateway: Gateway,
  asked: Asked<unknown>,
  actor: ActorId,
  wish: Wish,
): Promise<number | undefined> {
  try {
    return (await viewOf(gateway, asked, actor)).birth;
  } catch (thrown) {
    const missing = thrown instanceof TroupeError && thrown.code === 'UNKNOWN_ACTOR';
    if (missing && wish === 'ending') return undefined;
    throw thrown;
  }
}

async function list(gateway: Gateway, asked: Asked<ListActorsRequest>) {
  const { request } = asked;
  const labels = checkedLabels(request.labels);
  const answer = await askLeader(gateway, asked, {
    kind: 'list-actors',
    tenant: tenantOf(request.tenant),
    ...(request.type === '' ? {} : { type: checkedName('type', request.type) }),
    ...(request.prefix === '' ? {} : { prefix: request.prefix }),
    limit: checkedLimit(request.limit, listedActorsMax),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...stateAsked(request.state),
    ...(request.after === '' ? {} : { after: request.after }),
  });
  if (answer.kind !== 'actors') throw unexpected(answer.kind);
  const { actors, total, next = '', cut = false } = answer;
  return { actors: actors.map(messageOf), total, next, cut };
}

function stateAsked(text: string): { readonly state?: ActorState } {
  return text === '' ? {} : { state: checkedState(text) };
}

export async function viewOf(
  gateway: Gateway,
  asked: Asked<unknown>,
  actor: ActorId,
  looks = false,
) {
  const activity = looks ? { activity: true as const } : {};
  const answer = await askLeader(gateway, asked, { kind: 'get-actor', actor, ...activity });
  if (answer.kind !== 'actor') throw unexpected(answer.kind);
  return answer.actor;
}

function askLeader(gateway: Gateway, { deadlineAt, signal }: Asked<unknown>, body: RequestBody) {
  return gateway.requests.ask(body, { deadlineAt, signal });
}

export function messageOf({ failure, ...view }: ActorView) {
  return failure === undefined ? view : { ...view, failure: errorMessage(failure) };
}

export function nameOf({ tenant, type, key }: NamedActor): ActorId {
  return checkedActor(tenantOf(tenant), type, key);
}

function unexpected(kind: string): TroupeError {
  return troupeError('INTERNAL', `answered by "${kind}"`);
}
