/** The ports of the fabric under virtual time: what was sent is a list, time passes when told to. */
import type { Bus, Clock } from '@troupe/fabric';

export class VirtualClock implements Clock {
  #now = 1_000;
  readonly #timers: { at: number; fire: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  wall(): number {
    return 1_000_000 + this.#now;
  }

  after(ms: number, fire: () => void): () => void {
    const timer = { at: this.#now + ms, fire };
    this.#timers.push(timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  /** Lets time pass; timers fire in order. */
  pass(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers
        .filter((timer) => timer.at <= until)
        .sort((left, right) => left.at - right.at)[0];
      if (due === undefined) break;
      this.#timers.splice(this.#timers.indexOf(due), 1);
      this.#now = Math.max(this.#now, due.at);
      due.fire();
    }
    this.#now = until;
  }
}

export interface Sent {
  readonly subject: string;
  readonly message: { readonly kind: string; readonly [field: string]: unknown };
}

export class ListBus implements Bus {
  readonly connected = true;
  #sent: Sent[] = [];

  send(subject: string, message: object): void {
    this.#sent.push({ subject, message: { kind: '', ...message } });
  }

  /** What was sent since the last time. */
  take(): readonly Sent[] {
    return this.#sent.splice(0);
  }

  listen(): { stop(): void } {
    return { stop() {} };
  }

  ask(): Promise<unknown> {
    return Promise.reject(new Error('nobody answers on this bus'));
  }

  answer(): { stop(): void } {
    return { stop() {} };
  }

  async flush(): Promise<void> {}
  onConnection(): void {}
  async close(): Promise<void> {}
}
