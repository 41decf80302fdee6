/**
 * Lists of the actors that have dead letters, page by page. These lie in the actors, wherever they are
 * placed: the leader asks every node for its part of a page, and keeps nothing of them.
 *
 * K2  a page has the first actors beyond `after` of all nodes that have answered, and names the others.
 * K3  a list ends: when all have answered, or when its time is over.
 */
import {
  type DeadLettersFound,
  type DeadLettersView,
  type Incarnation,
  limits,
  type RequestBody,
} from '@troupe/model';
import type { Desk } from './desk.ts';
import { isPresent } from './nodes.ts';
import type { Size } from './sizes.ts';
import type { Surveys } from './surveys.ts';
import type { Asker } from './waiting.ts';

type Asked = Extract<RequestBody, { kind: 'list-dead-letters' }>;

interface Listing {
  readonly asker: Asker;
  readonly asked: Asked;
  readonly until: number;
  readonly open: Set<Incarnation>;
  /** The first ones so far, in their order: no more than the page holds. */
  actors: readonly DeadLettersView[];
  total: number;
  letters: number;
  /** Of the nodes that have answered. */
  unread: number;
}

const listMsMax = 5_000;
const listingsMax = 256;

export class DeadLetterLists {
  readonly #desk: Desk;
  readonly #surveys: Surveys;
  readonly #listings = new Map<number, Listing>();

  constructor(desk: Desk, surveys: Surveys) {
    this.#desk = desk;
    this.#surveys = surveys;
  }

  /** Z1 */
  sizes(): readonly Size[] {
    return [{ of: 'lists of dead letters', size: this.#listings.size, most: 0 }];
  }

  list(asker: Asker, asked: Asked): void {
    if (this.#listings.size >= listingsMax) {
      const text = `${listingsMax} lists of dead letters are being made`;
      const retry = { retryAfterMs: limits.resendMs };
      return this.#desk.refuse(asker, 'RESOURCE_EXHAUSTED', text, retry);
    }
    // One that is joining has no actors yet.
    const present = [...this.#desk.state.nodes.kept()].filter(
      (node) => isPresent(node) && node.phase.kind !== 'joining',
    );
    const listing: Listing = {
      asker,
      asked: { ...asked, limit: boundedLimit(asked.limit) },
      until: this.#desk.now + listMsMax,
      open: new Set(present.map(({ incarnation }) => incarnation)),
      actors: [],
      total: 0,
      letters: 0,
      unread: 0,
    };
    const ask = this.#surveys.nextAsk();
    this.#listings.set(ask, listing);
    if (listing.open.size === 0) return this.#end(ask, listing);
    this.#send(ask, listing);
  }

  found({ ask, incarnation, actors, total, letters, unread }: DeadLettersFound): void {
    const listing = this.#listings.get(ask);
    if (listing === undefined || !listing.open.delete(incarnation)) return;
    const known = [...listing.actors];
    for (const { epoch, ...view } of actors) {
      // Elsewhere by now: its node there tells of it.
      if (this.#desk.state.actors.get(view.actor as never)?.epoch !== epoch) continue;
      known.push(view);
    }
    known.sort((left, right) => (left.actor < right.actor ? -1 : 1));
    listing.actors = known.slice(0, listing.asked.limit);
    listing.total += total;
    listing.letters += letters;
    listing.unread += unread;
    if (listing.open.size === 0) this.#end(ask, listing);
  }

  /** Somebody has not answered for a while. */
  due(ask: number): void {
    const listing = this.#listings.get(ask);
    if (listing === undefined) return;
    const isGone = listing.open.size > 0 && ![...listing.open].some((node) => this.#isThere(node));
    if (this.#desk.now >= listing.until || isGone) return this.#end(ask, listing);
    this.#send(ask, listing);
  }

  #send(ask: number, { asked, open }: Listing): void {
    const { term, now, config, deadlines } = this.#desk;
    const { tenant, type, after, limit } = asked;
    const question = {
      kind: 'ask-dead-letters',
      term,
      ask,
      tenant,
      limit,
      ...(type === undefined ? {} : { type }),
      ...(after === undefined ? {} : { after }),
    } as const;
    for (const node of open) if (this.#isThere(node)) this.#desk.toNode(node, question);
    deadlines.set(now + config.resendMs, { kind: 'survey', ask });
  }

  #end(ask: number, { asker, asked, actors, total, letters, unread, open }: Listing): void {
    this.#listings.delete(ask);
    const { nodes } = this.#desk.state;
    const silent = [...open].flatMap((node) => nodes.get(node)?.name ?? []);
    const next = actors.length < asked.limit ? undefined : actors.at(-1)?.actor;
    this.#desk.answer(asker, {
      kind: 'dead-letters',
      actors,
      total,
      letters,
      unread: unread + this.#unplaced(),
      silent,
      ...(next === undefined ? {} : { next }),
    });
  }

  /** Actors whose node is gone, and that are not placed anew yet. */
  #unplaced(): number {
    const { nodes, actors } = this.#desk.state;
    let count = 0;
    for (const node of nodes.kept()) {
      if (!isPresent(node)) count += actors.on(node.incarnation).size;
    }
    return count;
  }

  #isThere(node: Incarnation): boolean {
    const record = this.#desk.state.nodes.get(node);
    return record !== undefined && isPresent(record);
  }
}

function boundedLimit(limit: number): number {
  const most = limits.listedDeadMax;
  return Number.isFinite(limit) ? Math.min(Math.max(Math.floor(limit), 1), most) : most;
}
