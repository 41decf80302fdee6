/** User code that hurts its runner: it ends it, stands in its way, or eats its memory. */
import { TroupeError } from '@troupe/sdk';
import { Hog } from '../agents.ts';
import type { Fault } from './fault.ts';

const blockMs = [1_000, 6_000] as const;

export function misbehave(how: 'crash' | 'block' | 'eat'): Fault {
  return {
    lastsMs: [0, 0],
    async inject({ operator, say }, random) {
      const target = `Hog/${how}-${random.between(0, 1_000)}`;
      const hog = operator.actor(Hog, target.slice('Hog/'.length));
      const harm = {
        crash: () => hog.crash(),
        block: () => hog.block(random.between(...blockMs)),
        eat: () => hog.eat(),
      };
      // Its end is told to its caller, which is this suite and not surprised.
      const harmed = await harm[how]().then(
        () => harms(how),
        (reason: unknown) => {
          say(`${target}: ${String(reason).slice(0, 160)}`);
          return harms(how, reason);
        },
      );
      return harmed ? { target, undo: async () => undefined } : undefined;
    },
  };
}

/** Whether a runner was surely harmed by a call that was answered, or ended so (F3). */
export function harms(how: 'crash' | 'block' | 'eat', reason?: unknown): boolean {
  // Only who stood in its way lives to answer.
  if (how === 'block') return reason === undefined;
  return reason instanceof TroupeError && reason.code === 'RUNNER_CRASHED';
}
