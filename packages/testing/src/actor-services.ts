/** Unary calls that make, show, list, pause and destroy actors. */
import {
  type ActorActivity,
  type ActorId,
  type ActorOwner,
  type ActorState,
  type ActorView,
  actorId,
  type RequestBody,
  runId,
  sessionId,
  TroupeError,
  tenantName,
} from '@troupe/model';
import type { ActorActivityMessage } from '@troupe/sdk/door';
import { type Ask, errorOf, progressOf, type Services, told } from './service.ts';

type Wish = Extract<RequestBody, { kind: 'wish-actor' }>['wish'];

interface Named {
  readonly tenant: string;
  readonly type: string;
  readonly key: string;
}

interface Born extends Named {
  readonly birth: number;
  readonly wishAt?: number;
}

export const actorServices: Services = {
  async 'ActorsService/List'({ tenant, type, prefix, limit, labels, state, after }, ask) {
    const answer = await ask({
      kind: 'list-actors',
      tenant: tenantName(tenant),
      limit,
      ...(type === '' ? {} : { type }),
      ...(prefix === '' ? {} : { prefix }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...(state === '' ? {} : { state: state as ActorState }),
      ...(after === '' ? {} : { after }),
    });
    const { actors, total, next = '', cut = false } = told('actors', answer);
    return { actors: actors.map(messageOf), total, next, cut };
  },
  async 'ActorsService/Create'({ tenant, by, scope, labels, orExisting, owner, ...name }, ask) {
    const answer = await ask({
      kind: 'create-actor',
      actor: nameOf({ tenant, ...name }),
      by,
      ...(scope === '' ? {} : { scope }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...(orExisting ? { orExisting } : {}),
      ...(owner === undefined ? {} : { owner: ownerOf(tenant, owner) }),
    });
    const { actor, created = false } = told('actor', answer);
    return { actor: messageOf(actor), created };
  },
  async 'ActorsService/Get'({ activity = false, ...named }, ask) {
    return { actor: messageOf(await viewOf(nameOf(named), ask, activity)) };
  },
  'ActorsService/Destroy': (born, ask) => wish(born, 'ending', ask),
  'ActorsService/Pause': (born, ask) => wish(born, 'paused', ask),
  'ActorsService/Resume': (born, ask) => wish(born, 'live', ask),
  async 'ActorsService/ListEvents'({ tenant, after, limit }, ask) {
    const of = { tenant: tenantName(tenant), after, limit };
    const answer = told('supervision', await ask({ kind: 'list-supervision', ...of }));
    const { events, next, missed } = answer;
    const messages = events.map(({ failure, ...event }) => {
      return { ...event, failure: failure === undefined ? null : errorOf(failure) };
    });
    return { events: messages, next, missed };
  },
  async 'ActorsService/KeepSession'({ tenant, session }, ask) {
    const of = { tenant: tenantName(tenant), session: sessionId(session) };
    told('done', await ask({ kind: 'keep-session', ...of }));
    return {};
  },
  async 'ActorsService/EndSession'({ tenant, session }, ask) {
    const of = { tenant: tenantName(tenant), session: sessionId(session) };
    told('done', await ask({ kind: 'end-session', ...of }));
    return {};
  },
  async 'ActorsService/Stop'(born, ask) {
    const actor = nameOf(born);
    const { birth } = await viewOf(actor, ask);
    await ask({ kind: 'stop-actor-request', actor, birth });
    return {};
  },
};

/** Without a birth it is for the one that is there now. */
async function wish(born: Born, kind: Wish, ask: Ask): Promise<object> {
  const actor = nameOf(born);
  const birth = born.birth === 0 ? await birthOf(actor, kind, ask) : born.birth;
  const follows = born.wishAt === undefined ? {} : { wishAt: born.wishAt };
  if (birth !== undefined) await ask({ kind: 'wish-actor', actor, birth, wish: kind, ...follows });
  return {};
}

/** Nothing when it is to be destroyed, and is not there. */
async function birthOf(actor: ActorId, kind: Wish, ask: Ask): Promise<number | undefined> {
  try {
    return (await viewOf(actor, ask)).birth;
  } catch (thrown) {
    const missing = thrown instanceof TroupeError && thrown.code === 'UNKNOWN_ACTOR';
    if (missing && kind === 'ending') return undefined;
    throw thrown;
  }
}

export async function viewOf(actor: ActorId, ask: Ask, looks = false): Promise<ActorView> {
  const activity = looks ? { activity: true as const } : {};
  return told('actor', await ask({ kind: 'get-actor', actor, ...activity })).actor;
}

function ownerOf(
  tenant: string,
  {
    run,
    type,
    key,
    birth,
    session,
  }: Omit<Born, 'tenant'> & { readonly run: string; readonly session: string },
): ActorOwner {
  if (session !== '') {
    return { kind: 'session', tenant: tenantName(tenant), session: sessionId(session) };
  }
  if (run !== '') return { kind: 'run', run: runId(run) };
  return { kind: 'actor', actor: nameOf({ tenant, type, key }), birth };
}

export function messageOf({ failure, labels = {}, activity, ...view }: ActorView) {
  const told = { ...view, labels, failure: failure === undefined ? null : errorOf(failure) };
  return activity === undefined ? told : { ...told, activity: activityMessage(activity) };
}

function activityMessage({ turn, ...activity }: ActorActivity): ActorActivityMessage {
  if (turn === undefined) return activity;
  const { progress, ...bare } = turn;
  return { ...activity, turn: { ...bare, ...progressOf(progress) } };
}

export function nameOf({ tenant, type, key }: Named): ActorId {
  return actorId(tenantName(tenant), type, key);
}
