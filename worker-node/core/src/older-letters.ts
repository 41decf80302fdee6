/** Letters that an actor had sent further back than what its outbox still held. */
import {
  type ActorId,
  type Bytes,
  mergeClocks,
  type VectorClock,
  withoutEnded,
} from '@troupe/model';
import { decodeCheckpoint } from './checkpoint.ts';
import type { NodeFact } from './facts.ts';
import type { KeptLetter, Outbox } from './outbox.ts';

export class OlderLetters {
  /** What it had open at the ends of the segments. */
  readonly outboxes: Outbox[] = [];
  readonly #letters = new Map<ActorId, KeptLetter[]>();

  /** Of segments that follow each other, and of facts after the last one. The facts of the first segment
   *  count only from the birth on. */
  static in(
    kept: {
      readonly bodies: readonly Bytes[];
      readonly fromBirth: boolean;
      readonly rest: readonly NodeFact[];
    },
    now: number,
  ): OlderLetters {
    const older = new OlderLetters();
    let clock: VectorClock = {};
    const note = (facts: readonly NodeFact[]): void => {
      for (const fact of facts) {
        if (fact.kind === 'clock-pruned') clock = withoutEnded(clock, fact.ended);
        if (!('clock' in fact) || fact.clock === undefined) continue;
        clock = mergeClocks(clock, fact.clock);
        if (fact.kind !== 'turn') continue;
        for (const letter of fact.letters) older.#add({ ...letter, clock });
      }
    };
    for (const [index, body] of kept.bodies.entries()) {
      const { memory, facts } = decodeCheckpoint(body, now);
      if (index > 0 || kept.fromBirth) note(facts);
      const { outbox } = memory;
      for (const to of outbox.receivers()) for (const one of outbox.letters(to)) older.#add(one);
      older.outboxes.push(outbox);
      clock = memory.clock;
    }
    note(kept.rest);
    return older;
  }

  letters(to: ActorId): readonly KeptLetter[] {
    return this.#letters.get(to) ?? [];
  }

  #add(letter: KeptLetter): void {
    const known = this.#letters.get(letter.to) ?? [];
    known.push(letter);
    this.#letters.set(letter.to, known);
  }
}
