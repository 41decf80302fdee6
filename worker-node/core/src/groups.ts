/**
 * Reads that were declared to run beside others of their group only so many at once: the rest wait in
 * the mailbox, keep nothing else waiting, and wait for no turn.
 *
 * G4  no more reads of a group run than it says; those that wait go in their order.
 */
import type { ReadGroup } from '@troupe/model';
import type { Activation, Input } from './activation.ts';
import type { Core } from './core.ts';
import { typeOf } from './hosting.ts';

export class Groups {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  of({ bundle, id }: Activation, { read, method }: Input): ReadGroup | undefined {
    return read ? this.#core.runners.groupOf(bundle, typeOf({ id }), method) : undefined;
  }

  /** Whether a read that has just come may begin at once. */
  mayBegin(activation: Activation, input: Input): boolean {
    const group = this.of(activation, input);
    if (group === undefined) return true;
    if (activation.mailbox.some((one) => this.of(activation, one) === group)) return false;
    return (this.#running(activation).get(group) ?? 0) < group.most;
  }

  /** The reads that wait and may begin now, in their order (G4). */
  next(activation: Activation): readonly Input[] {
    const running = this.#running(activation);
    return activation.mailbox.filter((input) => {
      const group = this.of(activation, input);
      if (group === undefined) return input.read;
      const count = running.get(group) ?? 0;
      running.set(group, count + 1);
      return count < group.most;
    });
  }

  #running(activation: Activation): Map<ReadGroup, number> {
    const counts = new Map<ReadGroup, number>();
    for (const { input } of activation.reads) {
      const group = this.of(activation, input);
      if (group !== undefined) counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    return counts;
  }
}
