/**
 * Messages between processes by subject, as a broker carries them: nobody listens, nobody hears.
 * Lost, late, doubled and out of order as the weather says; cut between hosts as faults say.
 */
import { type Bytes, decode, encode, limits, troupeError } from '@troupe/model';
import { newerMessage } from './newer.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

export interface Weather {
  delayMsMin: number;
  delayMsMax: number;
  /** Share of messages lost. */
  loss: number;
  double: number;
  /** Share of messages that others may overtake. */
  reorder: number;
  /** Share of requests to the stores, and of their answers, that are lost. */
  storeLoss: number;
  storeMsMax: number;
  /** Share of messages that come once more, up to some seconds later; none unless given. */
  readonly late?: number;
  /** Share of actors whose state does not come from the store in time when they are brought back; none unless
   *  given. */
  readonly unread?: number;
}

/** Whether nothing gets from the one host to the other. */
export type Cut = (from: string, to: string) => boolean;

interface Listener {
  readonly process: Process;
  readonly on: (message: never) => void;
}

/** How long an overtaken message may take beyond the others. */
const overtakenMsMax = 400;
/** Of copies that come late. */
const lateMsMax = 2_500;

export class Network {
  weather: Weather;
  readonly #world: World;
  readonly #listeners = new Map<string, Set<Listener>>();
  /** And who is told of what a cut holds up. */
  readonly #cuts = new Map<Cut, () => void>();
  /** Messages sent before have gone down with the broker that carried them. */
  #brokers = 0;
  /** Time of the last delivery of each pair, for those who keep order. */
  readonly #lastAt = new Map<string, number>();
  sent = 0;
  lost = 0;

  constructor(world: World, weather: Weather) {
    this.#world = world;
    this.weather = weather;
  }

  listen(process: Process, subject: string, on: (message: never) => void): () => void {
    const listeners = this.#listeners.get(subject) ?? new Set();
    this.#listeners.set(subject, listeners);
    const listener: Listener = { process, on };
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  send(from: Process, subject: string, message: object): void {
    if (!from.alive) return;
    this.#world.checks.sent(from.name, subject, message);
    const kind = kindOf(message);
    this.#world.moments.tell(kind, from.host.name);
    let bytes: Bytes | undefined;
    for (const listener of this.#listeners.get(subject) ?? []) {
      if (!listener.process.alive) {
        this.#listeners.get(subject)?.delete(listener);
        continue;
      }
      bytes ??= this.#encode(from, message);
      this.#carry(from, listener, { subject, bytes, kind });
    }
  }

  /** Until the answer is called, hosts for which `between` is true do not hear each other; `onMet` is
   *  called whenever something was to go through. */
  cut(between: Cut, onMet: () => void = () => undefined): () => void {
    this.#cuts.set(between, onMet);
    return () => {
      this.#cuts.delete(between);
    };
  }

  healAll(): void {
    this.#cuts.clear();
  }

  /** What is on its way is lost, but for what streams carry. */
  dropAll(): void {
    this.#brokers += 1;
  }

  /** Asked when something is to go from the one to the other. */
  reaches(from: string, to: string): boolean {
    let reached = true;
    for (const [cut, onMet] of this.#cuts) {
      if (!cut(from, to)) continue;
      reached = false;
      onMet();
    }
    return reached;
  }

  /** As the real bus does, which has no room for more. */
  #encode(from: Process, message: object): Bytes {
    const bytes = encode(from.newer ? newerMessage(message) : message);
    if (bytes.length > limits.recordBytesMax) {
      const text = `${from.name} says ${kindOf(message)} in ${bytes.length} bytes`;
      throw troupeError('TOO_LARGE', text);
    }
    return bytes;
  }

  #carry(
    from: Process,
    listener: Listener,
    message: { readonly subject: string; readonly bytes: Bytes; readonly kind: string },
  ): void {
    const { weather } = this;
    const { chance, trace } = this.#world;
    this.sent += 1;
    const to = listener.process;
    const cut = !this.reaches(from.host.name, to.host.name);
    const stream = isStream(message.subject);
    if (cut || (!stream && from.host !== to.host && chance.chance(weather.loss))) {
      this.lost += 1;
      trace?.message(from, to, message.kind, message.bytes, cut ? 'cut off' : 'lost');
      return;
    }
    const copies = !stream && chance.chance(weather.double) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) this.#deliver(from, listener, message);
    const { late } = weather;
    if (late === undefined || stream || !chance.chance(late)) return;
    this.#deliver(from, listener, { ...message, lateMs: chance.next() * lateMsMax });
  }

  #deliver(
    from: Process,
    { process, on }: Listener,
    message: {
      readonly subject: string;
      readonly bytes: Bytes;
      readonly kind: string;
      /** It is a copy that was held up for so long. */
      readonly lateMs?: number;
    },
  ): void {
    const { bytes, kind, lateMs } = message;
    const { timeline, chance, trace, coverage, moments } = this.#world;
    const { delayMsMin, delayMsMax, reorder } = this.weather;
    let at = timeline.now + chance.spread(delayMsMin, delayMsMax);
    if (lateMs !== undefined) at += lateMs;
    else if (!isStream(message.subject) && chance.chance(reorder))
      at += chance.next() * overtakenMsMax;
    else {
      const pair = `${from.name}>${process.name}`;
      at = Math.max(at, this.#lastAt.get(pair) ?? 0);
      this.#lastAt.set(pair, at);
    }
    const sentAt = timeline.now;
    const broker = isStream(message.subject) ? undefined : this.#brokers;
    timeline.at(at, () =>
      process.run(() => {
        if (broker !== undefined && broker !== this.#brokers) {
          this.lost += 1;
          coverage.reach('what is on its way is lost with its broker');
          return;
        }
        trace?.message(from, process, kind, bytes, undefined, sentAt);
        if (from.newer && !process.newer) coverage.reach('an older version hears a newer one');
        moments.tell(`${kind} arrives`, process.host.name);
        on(decode(bytes) as never);
      }),
    );
  }
}

/** Between a client and its gateway runs a stream, which keeps everything and in order. */
function isStream(subject: string): boolean {
  return subject.startsWith('client:') || subject.startsWith('door:');
}

function kindOf(message: object): string {
  return 'kind' in message ? String(message.kind) : 'message';
}
