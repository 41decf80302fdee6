/** Writes down what a followed log tells, and waits for it. */
import type { FollowLog, LogRecord } from '@troupe/fabric';

export class Follower implements FollowLog {
  readonly positions: number[] = [];
  readonly arrivals: number[] = [];
  readonly broke: Promise<Error>;
  #waiting: { position: number; resolve: () => void }[] = [];
  #break: (reason: Error) => void = () => {};

  constructor() {
    this.broke = new Promise((resolve) => {
      this.#break = resolve;
    });
  }
  record(record: LogRecord): void {
    this.positions.push(record.position);
  }
  caughtUp(position: number): void {
    this.arrivals.push(position);
    const due = this.#waiting.filter((one) => one.position <= position);
    this.#waiting = this.#waiting.filter((one) => one.position > position);
    for (const one of due) one.resolve();
  }
  broken(reason: Error): void {
    this.#break(reason);
  }
  reached(position: number): Promise<void> {
    if ((this.arrivals.at(-1) ?? -1) >= position) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ position, resolve }));
  }
}
