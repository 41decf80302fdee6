/** A deliberate fault in what becomes of turns whose runner died. */
import { type FromRunner, failure, type ToRunner } from '@troupe/model';
import type { World } from '../world/world.ts';

export class Blame {
  readonly #world: World;
  readonly #blamed = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** These were at a runner that died. */
  put(callIds: readonly string[]): void {
    if (this.#world.mutant !== 'all-at-a-runner-are-blamed') return;
    for (const callId of callIds) this.#blamed.add(callId);
  }

  /** What comes of a turn instead of running it again. */
  answer(frame: ToRunner): FromRunner | undefined {
    if (frame.kind !== 'turn' || frame.read || !this.#blamed.has(frame.callId)) return undefined;
    const why = failure('RUNNER_CRASHED', `the runner of ${frame.actor} crashed under it`);
    return { kind: 'turn-done', work: frame.work, outcome: { ok: false, failure: why }, sends: [] };
  }
}
