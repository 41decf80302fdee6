/**
 * A topic: its subscribers, and the messages that are not on their way to all of them yet. What a turn
 * does to it is a list of changes, which is its delta. A message goes to its subscribers as letters of
 * the topic, so many in a turn; what is left is kept, and the topic writes to itself to go on.
 *
 * TO1 a message is sent once to each that subscribed before it was taken and has not unsubscribed
 *     since, and to nobody else.
 * TO2 messages are sent in the order of their numbers.
 * TO3 while messages are kept, one letter of the topic to itself is on its way.
 * TO4 an event that the leader tells is taken once, by its position: they are told in that order.
 */
import {
  type ActorId,
  actorParts,
  assert,
  type Bytes,
  decode,
  decodeForeign,
  encode,
  encodeValue,
  limits,
  type OutgoingSend,
  publicationFault,
  type Subscriber,
  type SubscriberView,
  sameActor,
  subscriberFault,
  type TimerChange,
  type ToldEvent,
  type TopicMessage,
  type TopicView,
  toldMethod,
  topicType,
  troupeError,
} from '@troupe/model';

/** The letter of a topic to itself. */
export const goOnMethod = '$go-on';

const pageMax = 200;

type Change =
  | ({ readonly kind: 'joined' } & Subscriber)
  | { readonly kind: 'left'; readonly type: string; readonly key: string }
  /** Taken, and sent to all in the same turn. */
  | { readonly kind: 'sent' }
  /** Taken; `args` are what each subscriber is given. */
  | { readonly kind: 'kept'; readonly args: Bytes }
  /** Events up to this position are taken. */
  | { readonly kind: 'told'; readonly position: number }
  /** So many of those that were kept longest are sent to all, the next one up to this place. */
  | { readonly kind: 'gone-on'; readonly through: number; readonly reached: number };

interface Place extends Subscriber {
  /** Places are numbered in the order of joining, and never used twice. */
  readonly place: number;
  readonly after: number;
}

interface Kept {
  readonly number: number;
  readonly args: Bytes;
}

/** As it stands in a checkpoint. */
interface StoredTopic {
  readonly format: 1;
  readonly published: number;
  readonly places: number;
  readonly subscribers: readonly Place[];
  readonly kept: readonly Kept[];
  readonly reached: number;
  /** Position of the last event that the leader told; absent where none ever was. */
  readonly told?: number;
}

/** Who runs a turn of it. */
export interface By {
  /** The actor that has sent it, if one has. */
  readonly from?: ActorId;
  readonly isLeader?: boolean;
  readonly outgoing: Outgoing;
}

/** What its letters do that nobody has taken. */
export interface Outgoing {
  readonly size: number;
  readonly bytes: number;
  /** Of this actor. */
  waiting(to: ActorId): number;
}

/** What a turn comes to. */
export interface Ran {
  readonly value: unknown;
  readonly delta?: Bytes;
  readonly sends: readonly OutgoingSend[];
  readonly withdrawn?: readonly Pick<OutgoingSend, 'type' | 'key'>[];
  readonly timers?: readonly TimerChange[];
}

const nothing: Ran = { value: undefined, sends: [] };

export class Topic {
  readonly #id: ActorId;
  readonly #name: string;
  readonly #subscribers = new Map<string, Place>();
  #published = 0;
  #places = 0;
  #kept: Kept[] = [];
  #keptBytes = 0;
  /** Place up to which the first message that is kept was sent. */
  #reached = 0;
  #told = 0;

  constructor(actor: ActorId, state: Bytes | undefined, deltas: readonly Bytes[]) {
    this.#id = sameActor(actor);
    this.#name = actorParts(this.#id).key;
    if (state !== undefined) this.#restore(decode<StoredTopic>(state));
    for (const delta of deltas) this.#apply(decode<readonly Change[]>(delta));
  }

  /** It takes no message before some of those that it keeps are sent. */
  get isFull(): boolean {
    const { topicKeptMax, topicKeptBytesMax } = limits;
    return this.#kept.length >= topicKeptMax || this.#keptBytes >= topicKeptBytesMax;
  }

  store(): Bytes {
    const stored: StoredTopic = {
      format: 1,
      published: this.#published,
      places: this.#places,
      subscribers: [...this.#subscribers.values()],
      kept: this.#kept,
      reached: this.#reached,
      ...(this.#told === 0 ? {} : { told: this.#told }),
    };
    return encode(stored);
  }

  /** Throws what refuses it: then nothing has changed. */
  run(method: string, args: Bytes, by: By): Ran {
    if (method === goOnMethod) return by.from === this.#id ? this.#goOn(by.outgoing) : nothing;
    const given = argumentsOf(method, args);
    if (method === toldMethod && by.isLeader === true) {
      return this.#hear(given[0] as readonly ToldEvent[]);
    }
    switch (method) {
      case 'publish':
        return this.#publish(given, args.length, by);
      case 'subscribe':
        return this.#subscribe(subscriberOf(given));
      case 'unsubscribe':
        return this.#unsubscribe(subscriberOf([...given, 'any']));
      case 'view':
        return { value: this.#view(given, by.outgoing), sends: [] };
      default:
        throw troupeError('UNKNOWN_METHOD', `a topic has no method "${method}"`);
    }
  }

  #publish(given: readonly unknown[], bytes: number, by: By): Ran {
    const fault = publicationFault(this.#name);
    if (fault !== undefined) throw troupeError('INVALID_ARGUMENT', fault);
    const bytesMax = limits.topicMessageBytesMax;
    if (bytes > bytesMax) {
      const what = `a message of topic "${this.#name}" has ${bytes} bytes`;
      throw troupeError('TOO_LARGE', what, { bytes, bytesMax });
    }
    const number = this.#published + 1;
    const about: TopicMessage = {
      topic: this.#name,
      number,
      ...(by.from === undefined ? {} : { from: by.from }),
    };
    const args = encodeValue([given[0], about], 'message');
    const value = number;
    const sends: OutgoingSend[] = [];
    if (this.#kept.length === 0 && hasRoom(by.outgoing)) {
      const reached = this.#fanOut({ number, args }, 0, sends);
      if (reached === undefined) return { value, sends, delta: this.#changed({ kind: 'sent' }) };
      const goneOn = { kind: 'gone-on', through: 0, reached } as const;
      const delta = this.#changed({ kind: 'kept', args }, goneOn);
      return { value, delta, sends: [...sends, this.#toItself()] };
    }
    const isFirst = this.#kept.length === 0;
    const delta = this.#changed({ kind: 'kept', args });
    return { value, delta, sends: isFirst ? [this.#toItself()] : [] };
  }

  /** Takes those events that it does not know (TO4), and sends them in turns of their own. */
  #hear(events: readonly ToldEvent[]): Ran {
    const fresh = events.filter(({ position }) => position > this.#told);
    const position = fresh.at(-1)?.position;
    if (position === undefined) return nothing;
    const isFirst = this.#kept.length === 0;
    const goesToNobody = isFirst && this.#subscribers.size === 0;
    const changes = fresh.map((event, at): Change => {
      if (goesToNobody) return { kind: 'sent' };
      const about: TopicMessage = { topic: this.#name, number: this.#published + 1 + at };
      return { kind: 'kept', args: encodeValue([event, about], 'message') };
    });
    const delta = this.#changed(...changes, { kind: 'told', position });
    return { value: undefined, delta, sends: isFirst && !goesToNobody ? [this.#toItself()] : [] };
  }

  /** Sends what is kept, as much as one turn may. */
  #goOn(outgoing: Outgoing): Ran {
    if (this.#kept.length === 0) return nothing;
    // Held back before it was taken, it was let in when there was room; that may be gone by now.
    if (!hasRoom(outgoing)) return { value: undefined, sends: [this.#toItself()] };
    const sends: OutgoingSend[] = [];
    let through = 0;
    let reached: number | undefined = this.#reached;
    for (const message of this.#kept) {
      reached = this.#fanOut(message, reached ?? 0, sends);
      if (reached !== undefined) break;
      through += 1;
    }
    const delta = this.#changed({ kind: 'gone-on', through, reached: reached ?? 0 });
    if (this.#kept.length > 0) sends.push(this.#toItself());
    return { value: undefined, delta, sends };
  }

  /** Sends a message to those behind a place. The place that was reached, when not all were (TO1). */
  #fanOut({ number, args }: Kept, from: number, sends: OutgoingSend[]): number | undefined {
    const lettersMax = limits.topicTurnLettersMax;
    // They are one record with what the topic keeps.
    const bytesMax = limits.turnBytesMax / 2;
    let bytes = 0;
    for (const sent of sends) bytes += sent.args.length;
    let reached = from;
    for (const { type, key, method, place, after } of this.#subscribers.values()) {
      if (place <= from || after >= number) continue;
      bytes += args.length + type.length + 3 * key.length + method.length;
      if (sends.length >= lettersMax || (sends.length > 0 && bytes > bytesMax)) {
        return reached;
      }
      sends.push({ type, key, method, args });
      reached = place;
    }
    return undefined;
  }

  #subscribe(subscriber: Subscriber): Ran {
    const known = this.#subscribers.get(idOf(subscriber));
    const value = known?.after ?? this.#published;
    if (known?.method === subscriber.method) return { value, sends: [] };
    const subscribersMax = limits.topicSubscribersMax;
    if (known === undefined && this.#subscribers.size >= subscribersMax) {
      const what = `topic "${this.#name}" has ${subscribersMax} subscribers, the most that it may have`;
      throw troupeError('RESOURCE_EXHAUSTED', what, { subscribersMax });
    }
    const { type, key, method } = subscriber;
    return { value, sends: [], delta: this.#changed({ kind: 'joined', type, key, method }) };
  }

  /** What is on its way to it is withdrawn: nobody waits for one that takes nothing. */
  #unsubscribe({ type, key }: Subscriber): Ran {
    if (!this.#subscribers.has(idOf({ type, key }))) return { value: false, sends: [] };
    const delta = this.#changed({ kind: 'left', type, key });
    return { value: true, sends: [], delta, withdrawn: [{ type, key }] };
  }

  #view([after = 0, limit = pageMax]: readonly unknown[], outgoing: Outgoing): TopicView {
    const { tenant } = actorParts(this.#id);
    const most = Number.isSafeInteger(limit)
      ? Math.min(Math.max(Number(limit), 1), pageMax)
      : pageMax;
    const page: SubscriberView[] = [];
    let last = 0;
    let next: number | undefined;
    for (const { place, type, key, method, after: since } of this.#subscribers.values()) {
      if (typeof after === 'number' && place <= after) continue;
      if (page.length === most) {
        next = last;
        break;
      }
      const waiting = outgoing.waiting(`${tenant}/${type}/${key}` as ActorId);
      page.push({ type, key, method, after: since, waiting });
      last = place;
    }
    return {
      topic: this.#name,
      published: this.#published,
      subscribers: this.#subscribers.size,
      kept: this.#kept.length,
      keptBytes: this.#keptBytes,
      waiting: outgoing.size,
      page,
      ...(next === undefined ? {} : { next }),
    };
  }

  #toItself(): OutgoingSend {
    return { type: topicType, key: this.#name, method: goOnMethod, args: noArgs };
  }

  #changed(...changes: readonly Change[]): Bytes {
    this.#apply(changes);
    return encode(changes);
  }

  /** The one place where a topic changes: live and when it is read back. */
  #apply(changes: readonly Change[]): void {
    for (const change of changes) {
      switch (change.kind) {
        case 'joined': {
          const { type, key, method } = change;
          const known = this.#subscribers.get(idOf(change));
          if (known === undefined) this.#places += 1;
          const { place = this.#places, after = this.#published } = known ?? {};
          this.#subscribers.set(idOf(change), { type, key, method, place, after });
          break;
        }
        case 'left':
          this.#subscribers.delete(idOf(change));
          break;
        case 'sent':
          assert(this.#kept.length === 0, 'TO2: nothing overtakes what is kept');
          this.#published += 1;
          break;
        case 'kept':
          this.#published += 1;
          this.#keptBytes += change.args.length;
          this.#kept.push({ number: this.#published, args: change.args });
          break;
        case 'told':
          assert(change.position > this.#told, 'TO4: events are told in their order');
          this.#told = change.position;
          break;
        case 'gone-on':
          for (const { args } of this.#kept.splice(0, change.through)) {
            this.#keptBytes -= args.length;
          }
          this.#reached = change.reached;
      }
    }
  }

  #restore({ published, places, subscribers, kept, reached, told = 0 }: StoredTopic): void {
    this.#told = told;
    this.#published = published;
    this.#places = places;
    for (const one of subscribers) this.#subscribers.set(idOf(one), one);
    this.#kept = [...kept];
    for (const { args } of kept) this.#keptBytes += args.length;
    this.#reached = reached;
  }
}

const noArgs = encodeValue([]);

/** What its letters that were not taken leave to be sent. */
export function hasRoom({ size, bytes }: Pick<Outgoing, 'size' | 'bytes'>): boolean {
  return size <= limits.topicFlyingMax && bytes <= limits.topicFlyingBytesMax;
}

function idOf({ type, key }: Pick<Subscriber, 'type' | 'key'>): string {
  return `${type}/${key}`;
}

function argumentsOf(method: string, args: Bytes): readonly unknown[] {
  const given = decodeForeign(args);
  if (Array.isArray(given)) return given;
  throw troupeError('INVALID_ARGUMENT', `the arguments of ${method} are not an array`);
}

function subscriberOf([type, key, method]: readonly unknown[]): Subscriber {
  if (typeof type !== 'string' || typeof key !== 'string' || typeof method !== 'string') {
    throw troupeError('INVALID_ARGUMENT', 'a subscriber is a type, a key and a method');
  }
  const subscriber = { type, key, method };
  const fault = subscriberFault(subscriber);
  if (fault !== undefined) throw troupeError('INVALID_ARGUMENT', fault);
  return subscriber;
}
