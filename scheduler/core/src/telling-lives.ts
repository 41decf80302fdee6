/**
 * The leader's work on topics of lives: it calls each with the events that it has not taken, a batch at a
 * time, until it has. What waits for whom stands durably in `supervision-table.ts`.
 *
 * TL1 one batch is on its way to a topic at a time, and the next one follows when it is taken: so a topic
 *     takes events in their order, and knows by their position those that it has.
 * TL2 at most `flyingMax` topics are called at once. One that cannot take any is asked again later, and
 *     keeps no other waiting.
 */
import {
  type ActorId,
  type Call,
  type CallResult,
  encodeValue,
  leaderAddress,
  leaderSessionPrefix,
  limits,
  type NotHere,
  type SessionId,
  type ToldEvent,
  toldMethod,
} from '@troupe/model';
import type { Deadline } from './deadlines.ts';
import type { Desk } from './desk.ts';
import { isPresent } from './nodes.ts';
import type { Size } from './sizes.ts';

const flyingMax = 256;
/** When one is asked again that could not take any. */
const heldMs = 5_000;
/** What a turn of a topic may take, so that its record has room beside it. */
const batchBytesMax = limits.turnBytesMax / 4;
/** Of a message of a topic, what is left for an event. */
const eventBytesMax = limits.topicMessageBytesMax - 4_096;

interface Flight {
  readonly number: number;
  /** Position of the last event of the batch. */
  readonly upTo: number;
  readonly sentAt: number;
}

export class TellingLives {
  readonly #desk: Desk;
  readonly #session: SessionId;
  readonly #waiting = new Set<ActorId>();
  /** Who was called longest ago first. */
  readonly #flying = new Map<ActorId, Flight>();
  /** When each is asked again, the first one first. */
  readonly #held = new Map<ActorId, number>();
  #deadline: Deadline | undefined;
  #number = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
    const { generation, number } = desk.term;
    this.#session = `${leaderSessionPrefix}${generation}.${number}` as SessionId;
  }

  takeOver(): void {
    for (const topic of this.#desk.state.supervision.allWaiting()) this.#waiting.add(topic);
    this.#fill();
  }

  /** Behind every event: calls those for which something has come to wait. */
  goOn(): void {
    for (const topic of this.#desk.state.supervision.takeStirred()) {
      // It is as before, under another birth perhaps: its next call takes this with it.
      if (!this.#flying.has(topic) && !this.#held.has(topic)) this.#waiting.add(topic);
    }
    if (this.#waiting.size > 0) this.#fill();
  }

  /** Of a call; where its topic is not any more is told by the journal. */
  heard(message: CallResult | NotHere): void {
    const { actor: topic, session, number } = message;
    const flight = this.#flying.get(topic);
    if (message.kind === 'not-here' || session !== this.#session || flight?.number !== number)
      return;
    this.#flying.delete(topic);
    if (message.outcome.ok) {
      this.#desk.decide({ kind: 'lives-taken', topic, upTo: flight.upTo });
      this.#next(topic);
    } else this.#held.set(topic, this.#desk.now + heldMs);
    this.#fill();
  }

  /** Somebody has not answered in time, or may be asked again. */
  due(): void {
    this.#deadline = undefined;
    const { now, config } = this.#desk;
    for (const [topic, at] of this.#held) {
      if (at > now) break;
      this.#held.delete(topic);
      this.#next(topic);
    }
    for (const [topic, { sentAt, number, upTo }] of [...this.#flying]) {
      if (sentAt + config.resendMs > now) break;
      this.#flying.delete(topic);
      const batch = this.#batch(topic).filter(({ position }) => position <= upTo);
      if (batch.at(-1)?.position === upTo) this.#call(topic, number, batch);
      else this.#next(topic);
    }
    this.#fill();
  }

  /** Z1: topics have taken what they were to be given. */
  sizes(): readonly Size[] {
    const size = this.#waiting.size + this.#flying.size + this.#held.size;
    return [{ of: 'topics of lives', size, most: this.#desk.state.supervision.topicsWaiting }];
  }

  #next(topic: ActorId): void {
    if (this.#desk.state.supervision.batchFor(topic).length > 0) this.#waiting.add(topic);
  }

  #fill(): void {
    for (const topic of this.#waiting) {
      if (this.#flying.size >= flyingMax) break;
      this.#waiting.delete(topic);
      const batch = this.#batch(topic);
      if (batch.length > 0) this.#call(topic, ++this.#number, batch);
    }
    this.#arm();
  }

  #batch(topic: ActorId): readonly ToldEvent[] {
    const batch: ToldEvent[] = [];
    let bytes = 0;
    for (const waiting of this.#desk.state.supervision.batchFor(topic)) {
      const event = fitted(waiting);
      bytes += encodeValue(event).length;
      if (batch.length > 0 && bytes > batchBytesMax) break;
      batch.push(event);
    }
    return batch;
  }

  #call(topic: ActorId, number: number, batch: readonly ToldEvent[]): void {
    const { now, state } = this.#desk;
    const actor = state.actors.get(topic);
    const last = batch.at(-1);
    if (actor === undefined || last === undefined) return;
    this.#flying.set(topic, { number, upTo: last.position, sentAt: now });
    const node = state.nodes.get(actor.node);
    // Between two nodes it is called when it is asked again.
    if (node === undefined || !isPresent(node)) return;
    const { birth, epoch } = actor;
    const call: Call = {
      ...{ kind: 'call', actor: topic, birth, epoch, method: toldMethod, path: [] },
      args: encodeValue([batch]),
      caller: { session: this.#session, number, low: number },
      // It is never too late, so no clock is asked.
      ...{ sentAt: 0, deadlineAt: Number.MAX_SAFE_INTEGER, standstills: 0 },
      replyTo: leaderAddress,
    };
    this.#desk.toNode(actor.node, call);
  }

  #arm(): void {
    if (this.#deadline !== undefined) return;
    const flight = this.#flying.values().next();
    const held = this.#held.values().next();
    const at = Math.min(
      flight.done ? Number.POSITIVE_INFINITY : flight.value.sentAt + this.#desk.config.resendMs,
      held.done ? Number.POSITIVE_INFINITY : held.value,
    );
    if (Number.isFinite(at)) this.#deadline = this.#desk.deadlines.set(at, { kind: 'lives' });
  }
}

/** Without the details of its failure when it is too large for a message: who watches is told them. */
function fitted(event: ToldEvent): ToldEvent {
  if (event.failure?.details === undefined) return event;
  if (encodeValue(event).length <= eventBytesMax) return event;
  const { code, message } = event.failure;
  return { ...event, failure: { code, message } };
}
