/**
 * What a session waits for: calls and submits, each under its number.
 *
 * A1  an ask is settled once.
 * A2  `low` of an actor is the least number that is still open for it, so the actor may forget all
 *     below; finding it costs a constant on average.
 */
import type { StoredObject } from '@troupe/model';
import type { CallMessage, ClientMessage, SubmitMessage } from '../wire/messages.ts';

/** A call or submit as it was ordered. Times are milliseconds of this process's own clock. */
export interface Order {
  readonly body:
    | {
        readonly kind: 'call';
        readonly message: Omit<CallMessage, 'number' | 'low' | 'deadlineMs'>;
        /** When the cluster must have accepted it. */
        readonly deadlineAt: number;
        /** When an accepted one must have been answered. */
        readonly answerBy: number;
      }
    | { readonly kind: 'submit'; readonly message: Omit<SubmitMessage, 'number'> };
  /** Names it in messages: `call Counter/k.inc`. */
  readonly name: string;
  readonly resolve: (bytes: Uint8Array, objects: readonly StoredObject[]) => void;
  readonly reject: (reason: Error) => void;
  /** There once it has its number. */
  ask?: Ask;
}

export class Ask {
  readonly order: Order;
  readonly number: number;
  readonly #window: ActorWindow | undefined;
  /** Streams on which it was written. */
  streams = 0;
  /** When an aborted ask is given up, though no answer has come. */
  giveUpAt = Infinity;
  #settled = false;

  constructor(order: Order, number: number, window: ActorWindow | undefined) {
    this.order = order;
    this.number = number;
    this.#window = window;
    window?.add(this);
  }

  /** True once it may have reached the cluster. */
  get sent(): boolean {
    return this.streams > 0;
  }

  get settled(): boolean {
    return this.#settled;
  }

  settle(): void {
    this.#settled = true;
    this.#window?.trim();
  }

  /** Before it was sent nothing of it can happen after this; Infinity when it has no deadline. */
  get deadlineAt(): number {
    return this.order.body.kind === 'call' ? this.order.body.deadlineAt : Infinity;
  }

  get answerBy(): number {
    return this.order.body.kind === 'call' ? this.order.body.answerBy : Infinity;
  }

  /** As it is written to the stream now. */
  message(now: number): ClientMessage {
    const { body } = this.order;
    if (body.kind === 'submit') return { submit: { number: this.number, ...body.message } };
    const { type, key, method, args, scope, birth, atTurn, priority } = body.message;
    return {
      call: {
        number: this.number,
        low: this.#window?.low ?? this.number,
        type,
        key,
        method,
        args,
        // One that was accepted is asked for again after its deadline too, to hear the answer.
        deadlineMs: Math.max(1, Math.ceil(body.deadlineAt - now)),
        scope,
        ...(atTurn === undefined ? {} : { atTurn }),
        birth,
        priority,
      },
    };
  }
}

/** Asks that are open for one actor, in the order of their numbers; settled ones leave when they
 *  are the first. */
class ActorWindow {
  readonly #asks: Ask[] = [];
  readonly #onEmpty: () => void;
  #head = 0;

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  get low(): number | undefined {
    return this.#asks[this.#head]?.number;
  }

  add(ask: Ask): void {
    this.#asks.push(ask);
  }

  /** Drops the settled asks in front. */
  trim(): void {
    while (this.#asks[this.#head]?.settled === true) this.#head += 1;
    if (this.#head === this.#asks.length) return this.#onEmpty();
    if (this.#head > 256 && this.#head * 2 > this.#asks.length) {
      this.#asks.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

export class ActorWindows {
  readonly #windows = new Map<string, ActorWindow>();

  of(actor: string): ActorWindow {
    const known = this.#windows.get(actor);
    if (known !== undefined) return known;
    const window = new ActorWindow(() => this.#windows.delete(actor));
    this.#windows.set(actor, window);
    return window;
  }
}
