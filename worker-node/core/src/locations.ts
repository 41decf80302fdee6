/**
 * Where other actors are, as the leader said last. A wrong answer costs a refusal or a little time,
 * never truth.
 *
 * L2  who waits for a place waits once, however often it asks.
 * L1  a place from which nobody answers is asked for again, whether or not `node-gone` was heard.
 */
import {
  type ActorId,
  type Failure,
  isFailure,
  type Located,
  type Location,
  nodeAddress,
  type Resolve,
} from '@troupe/model';
import type { Core } from './core.ts';

type Waiter = (found: Location | Failure) => void;

/** Whose wait it is: a later one of the same name takes its place (L2). */
interface Wait {
  readonly of: string;
  readonly scope: string | undefined;
}

interface Search {
  readonly waiters: Map<string, Waiter>;
  readonly scope: string | undefined;
}

/** Known locations kept; the longest unused go first. */
const locationsMax = 100_000;
/** A place said longer ago than so many `resendMs` is not believed when nobody answers there. */
const believedResends = 5;

interface Known {
  readonly location: Location;
  /** Monotonic ms when the leader said it. */
  readonly saidAt: number;
}

export class Locations {
  readonly #core: Core;
  readonly #known = new Map<ActorId, Known>();
  readonly #searches = new Map<ActorId, Search>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Calls `found` at once when the place is known, else when the leader has said it. */
  find(actor: ActorId, { of, scope }: Wait, found: Waiter): void {
    const place = this.known(actor);
    if (place !== undefined) return found(place);
    const search = this.#searches.get(actor);
    if (search !== undefined) return void search.waiters.set(of, found);
    const begun: Search = { waiters: new Map([[of, found]]), scope };
    this.#searches.set(actor, begun);
    this.#ask(actor, begun);
  }

  /** Where it is, without a question to the leader. */
  known(actor: ActorId): Location | undefined {
    const here = this.#core.actors.get(actor);
    if (here !== undefined && here.phase !== 'released' && here.wish.kind !== 'ending') {
      const { birth, epoch } = here;
      return { node: this.#core.config.incarnation, birth, epoch };
    }
    return this.#known.get(actor)?.location;
  }

  /** The place known turned out wrong: the next `find` asks again. */
  refused(actor: ActorId, epoch: number): void {
    if (this.#known.get(actor)?.location.epoch === epoch) this.#known.delete(actor);
  }

  /** Looks for an actor after a refusal, and says whether the leader knows a later place. */
  findLater(
    refusal: { readonly actor: ActorId; readonly epoch: number },
    wait: Wait,
    ended: (isLater: boolean) => void,
  ): void {
    this.refused(refusal.actor, refusal.epoch);
    this.find(refusal.actor, wait, (place) => {
      ended(!isFailure(place) && place.epoch > refusal.epoch);
    });
  }

  /** Nobody has answered there for a while: the next `find` asks again, unless it just did (L1). */
  doubt(actor: ActorId): void {
    const known = this.#known.get(actor);
    if (known === undefined) return;
    const believedMs = believedResends * this.#core.config.resendMs;
    if (this.#core.now - known.saidAt >= believedMs) this.#known.delete(actor);
  }

  onNodeGone(node: Location['node']): void {
    for (const [actor, { location }] of this.#known) {
      if (location.node === node) this.#known.delete(actor);
    }
  }

  onLocated(message: Located): void {
    const search = this.#searches.get(message.actor);
    const { location } = message;
    if (!isFailure(location)) this.#remember(message.actor, location);
    if (search === undefined) return;
    this.#searches.delete(message.actor);
    for (const found of search.waiters.values()) found(location);
  }

  #remember(actor: ActorId, location: Location): void {
    const known = this.#known.get(actor);
    if (known !== undefined && known.location.epoch > location.epoch) return;
    this.#known.delete(actor);
    this.#known.set(actor, { location, saidAt: this.#core.now });
    if (this.#known.size <= locationsMax) return;
    for (const eldest of this.#known.keys()) {
      this.#known.delete(eldest);
      break;
    }
  }

  /** Asks the leader, again and again until it answers; a later search asks for itself. */
  #ask(actor: ActorId, search: Search): void {
    if (this.#searches.get(actor) !== search) return;
    const message: Resolve = {
      kind: 'resolve',
      actor,
      replyTo: nodeAddress(this.#core.config.incarnation),
      ...(search.scope === undefined ? {} : { scope: search.scope }),
    };
    this.#core.out.send({ kind: 'to-leader', message });
    const again = this.#core.now + this.#core.config.resendMs;
    this.#core.alarms.set(again, () => this.#ask(actor, search));
  }
}
