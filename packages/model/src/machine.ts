/**
 * What a machine is. `handle` is synchronous, deterministic and total; the world enters as events
 * and leaves as an `Output`, in the only legal order: durable first, then speak, then answer.
 *
 * `work` is what a machine hands to its own process at once: speculative work that cannot leave the
 * process except through the machine again (a turn for a runner, a checkpoint to be read).
 * Everything another process can see is a `send` or a `reply`, and waits for the append.
 */
export interface Output<Fact, Send, Reply, Work> {
  /** Facts to append; they are already part of the machine's live state. */
  readonly append: readonly Fact[];
  /** Released once every fact emitted so far is durable. */
  readonly send: readonly Send[];
  /** Released after `send`. */
  readonly reply: readonly Reply[];
  /** Released at once. */
  readonly work: readonly Work[];
}

export interface Machine<Event, Fact, Send, Reply, Work> {
  /** `now` is monotonic milliseconds of this process; it never goes back between calls. */
  handle(now: number, event: Event): Output<Fact, Send, Reply, Work>;
  /** The next instant at which the machine wants a `tick`, if any. */
  wakeAt(): number | undefined;
}

/** Collects the output of one `handle`; `take` empties it. */
export class OutputDraft<Fact, Send, Reply, Work> {
  #append: Fact[] = [];
  #send: Send[] = [];
  #reply: Reply[] = [];
  #work: Work[] = [];

  append(fact: Fact): void {
    this.#append.push(fact);
  }
  send(message: Send): void {
    this.#send.push(message);
  }
  reply(answer: Reply): void {
    this.#reply.push(answer);
  }
  work(order: Work): void {
    this.#work.push(order);
  }

  take(): Output<Fact, Send, Reply, Work> {
    const output = {
      append: this.#append,
      send: this.#send,
      reply: this.#reply,
      work: this.#work,
    };
    this.#append = [];
    this.#send = [];
    this.#reply = [];
    this.#work = [];
    return output;
  }
}
