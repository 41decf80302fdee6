/**
 * A page of the actors of a tenant, found in an order that is kept: by type and prefix of the key, by
 * labels, by state. Nothing before the page is looked at, and of what lies in it a bounded number.
 *
 * K1  pages one after another show every actor that is there all the while once, whatever comes and
 *     goes meanwhile.
 */
import {
  type ActorId,
  type ActorState,
  type ActorView,
  actorParts,
  asGivenUp,
  type Failure,
  limits,
  type RequestBody,
} from '@troupe/model';
import type { ActorRecord } from './actors.ts';
import { isPresent } from './nodes.ts';
import type { OrderedIds } from './ordered-ids.ts';
import type { State } from './state.ts';

type Order = Pick<OrderedIds<ActorId>, 'size' | 'countBefore' | 'from'>;
type Asked = Extract<RequestBody, { kind: 'list-actors' }>;

export interface ActorPage {
  readonly actors: readonly ActorView[];
  readonly total: number;
  readonly next?: string;
  readonly cut?: true;
}

/** What the leader has heard of actors that are ill. */
export interface Ailments {
  readonly ordered: OrderedIds<ActorId>;
  /** There are others, of which nobody has heard. */
  readonly isCut: boolean;
  of(actor: ActorRecord): Failure | undefined;
}

export function pageOfActors(state: State, ailments: Ailments, asked: Asked): ActorPage {
  const page = foundActors(state, ailments, asked);
  return asked.state === 'failed' && ailments.isCut ? { ...page, cut: true } : page;
}

function foundActors(state: State, ailments: Ailments, asked: Asked): ActorPage {
  const { tenant, type, prefix = '', after } = asked;
  const all = type === undefined ? `${tenant}/` : `${tenant}/${type}/${prefix}`;
  const start = type === undefined && asked.state === undefined ? beyondBuiltIns(tenant) : all;
  const end = following(all);
  const source = narrowest(state, ailments, asked);
  const total = source.countBefore(end) - source.countBefore(start);
  const from = after === undefined || after < start ? start : `${after}\u0000`;
  const actors: ActorView[] = [];
  const limit = boundedLimit(asked.limit);
  let looked = 0;
  let last = '';
  for (const id of source.from(from)) {
    if (id >= end) return { actors, total };
    if (actors.length === limit || looked === limits.lookedAtMax) {
      return { actors, total, next: last };
    }
    looked += 1;
    last = id;
    const actor = state.actors.get(id);
    if (actor === undefined) continue;
    const view = viewActor(state, ailments, actor);
    if (fits(view, asked)) actors.push(view);
  }
  return { actors, total };
}

export function viewActor(state: State, ailments: Ailments, actor: ActorRecord): ActorView {
  const { id, node, birth, epoch, scope, chain, labels, life } = actor;
  const failed = life?.givenUp === undefined ? ailments.of(actor) : asGivenUp(id, life.givenUp);
  return {
    actor: id,
    node,
    birth,
    epoch,
    scope,
    chain: chain.length,
    state: stateOf(state, actor, failed),
    ...(labels === undefined ? {} : { labels }),
    ...(life === undefined ? {} : { wishAt: life.at }),
    ...(failed === undefined ? {} : { failure: failed }),
  };
}

function stateOf(state: State, { life, node }: ActorRecord, failed?: Failure): ActorState {
  if (life?.givenUp !== undefined) return 'failed';
  if (life?.kind === 'ending' || life?.kind === 'paused') return life.kind;
  const record = state.nodes.get(node);
  if (record === undefined || !isPresent(record)) return 'moving';
  return failed === undefined ? 'placed' : 'failed';
}

/** The shortest order in which everything that is asked for stands. */
function narrowest(state: State, ailments: Ailments, asked: Asked): Order {
  const { actors } = state;
  let least: Order = actors.ordered;
  const consider = (other: Order) => {
    if (other.size < least.size) least = other;
  };
  if (asked.state === 'paused' || asked.state === 'ending') consider(actors.resting);
  if (asked.state === 'failed') consider(together(ailments.ordered, actors.givenUp));
  for (const [name, value] of Object.entries(asked.labels ?? {})) {
    consider(actors.labelled(asked.tenant, name, value));
  }
  return least;
}

/** Two orders as one; nothing stands in both. */
function together(left: Order, right: Order): Order {
  return {
    size: left.size + right.size,
    countBefore: (end) => left.countBefore(end) + right.countBefore(end),
    from: (start) => inOrder(left.from(start), right.from(start)),
  };
}

function* inOrder(left: Iterator<ActorId>, right: Iterator<ActorId>): Generator<ActorId> {
  let [one, other] = [left.next(), right.next()];
  for (;;) {
    if (one.done === true && other.done === true) return;
    if (other.done === true || (one.done !== true && one.value < other.value)) {
      if (one.done !== true) yield one.value;
      one = left.next();
    } else {
      yield other.value;
      other = right.next();
    }
  }
}

function fits(view: ActorView, { state, labels, type, tenant }: Asked): boolean {
  if (state !== undefined && view.state !== state) return false;
  for (const [name, value] of Object.entries(labels ?? {})) {
    if (view.labels?.[name] !== value) return false;
  }
  const parts = actorParts(view.actor as ActorId);
  return parts.tenant === tenant && (type === undefined || parts.type === type);
}

/** Types of the cluster's own begin with "$", and no other type is before "%". They are listed where they
 *  are asked for, and among what is in a state that is looked for. */
function beyondBuiltIns(tenant: string): string {
  return `${tenant}/%`;
}

/** The least text that is greater than all that begin with this one. */
function following(start: string): string {
  const last = start.charCodeAt(start.length - 1);
  if (last === 0xffff) return following(start.slice(0, -1));
  return start.slice(0, -1) + String.fromCharCode(last + 1);
}

function boundedLimit(limit: number): number {
  const most = limits.listedActorsMax;
  return Number.isFinite(limit) ? Math.min(Math.max(Math.floor(limit), 1), most) : most;
}
