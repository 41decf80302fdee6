/**
 * Reads that were declared to run beside others of their group only so many at once: the rest wait in
 * the mailbox, and keep nothing else waiting.
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

  mayBegin(activation: Activation, input: Input): boolean {
    const group = this.of(activation, input);
    return group === undefined || !this.#full(activation).has(group);
  }

  /** What is to begin next: the first in the mailbox of what may begin. */
  first(activation: Activation): Input | undefined {
    const { mailbox, bundle } = activation;
    if (!this.#core.runners.hasGroups(bundle, typeOf(activation))) return mailbox[0];
    const full = this.#full(activation);
    return mailbox.find((input) => {
      const group = this.of(activation, input);
      return group === undefined || !full.has(group);
    });
  }

  #full(activation: Activation): ReadonlySet<ReadGroup> {
    const counts = new Map<ReadGroup, number>();
    for (const { input } of activation.reads) {
      const group = this.of(activation, input);
      if (group !== undefined) counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    const full = [...counts].filter(([{ most }, count]) => count >= most);
    return new Set(full.map(([group]) => group));
  }
}
