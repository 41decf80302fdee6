/**
 * The timers of one actor in this process, as of the last turn that ended. They grow by the same
 * changes, in the same order, as those that the node has: both give a timer the same number.
 *
 * I1  a firing whose timer a turn before it has cancelled or replaced does not run.
 */
import { isPeriodic, type PendingTimer, type TimerChange } from '@troupe/model';
import { TimerDraft } from './timer-draft.ts';

export interface Firing {
  readonly number: number;
  readonly firing: number;
}

export class HeldTimers {
  readonly #pending = new Map<number, PendingTimer>();
  readonly #named = new Map<string, number>();
  #next: number;

  constructor(timers: readonly PendingTimer[] = [], next = 1) {
    for (const timer of timers) this.#keep(timer);
    this.#next = next;
  }

  /** In the order in which they were set. */
  pending(): readonly PendingTimer[] {
    return [...this.#pending.values()];
  }

  /** I1 */
  isPending({ number, firing }: Firing): boolean {
    return this.#pending.get(number)?.firing === firing;
  }

  /** What one turn may do to them, which may be a firing itself; they change when it has ended. */
  begin(firing: Firing | undefined, checkMethod: (method: string) => void): TimerDraft {
    return new TimerDraft({ fired: firing?.number, held: this, checkMethod });
  }

  /** The turn of this firing has ended: what it set comes after it, even under the same name. */
  commit(firing: Firing | undefined, changes: readonly TimerChange[]): void {
    if (firing !== undefined) this.#fired(firing);
    for (const change of changes) {
      if (change.name !== undefined) this.#cancel(change.name);
      if (change.kind === 'cancel') continue;
      const { kind: _, ...of } = change;
      this.#keep({ number: this.#next, firing: 1, ...of });
      this.#next += 1;
    }
  }

  get(number: number): PendingTimer | undefined {
    return this.#pending.get(number);
  }

  get size(): number {
    return this.#pending.size;
  }

  named(name: string): PendingTimer | undefined {
    return this.#pending.get(this.#named.get(name) ?? 0);
  }

  #fired({ number, firing }: Firing): void {
    const timer = this.#pending.get(number);
    if (timer === undefined) return;
    if (isPeriodic(timer.when)) this.#pending.set(number, { ...timer, firing: firing + 1 });
    else this.#drop(timer);
  }

  #cancel(name: string): void {
    const timer = this.named(name);
    if (timer !== undefined) this.#drop(timer);
  }

  #keep(timer: PendingTimer): void {
    this.#pending.set(timer.number, timer);
    if (timer.name !== undefined) this.#named.set(timer.name, timer.number);
  }

  #drop({ number, name }: PendingTimer): void {
    this.#pending.delete(number);
    if (name !== undefined) this.#named.delete(name);
  }
}
