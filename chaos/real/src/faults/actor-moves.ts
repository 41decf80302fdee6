/** An operator moves actors about while everything else goes on, and whatever else is broken. */
import type { ActorView, Troupe } from '@troupe/sdk';
import type { Fault } from './fault.ts';

const actorsMax = 1_000;
const movedAtOnce = 12;
/** An actor that does not let go so soon moves later all the same. */
const waitMs = 1_000;
const pauseMs = 250;

export const moveActors: Fault = {
  lastsMs: [2_000, 8_000],
  async inject({ operator }, random) {
    const found = await operator.actors({ limit: actorsMax }).catch(() => undefined);
    if (found === undefined || found.actors.length === 0) return undefined;
    let over = false;
    let moved = 0;
    const work = async () => {
      while (!over) {
        const names = await servingNodes(operator);
        const some = Array.from({ length: movedAtOnce }, () => random.pick(found.actors));
        const outcomes = some.map((one) => move(operator, one, random.pick(names)));
        moved += (await Promise.all(outcomes)).filter((one) => one).length;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    };
    const working = work();
    return {
      target: `${found.actors.length} actors`,
      async undo() {
        over = true;
        await working;
      },
      befallen: () => moved,
    };
  },
};

async function servingNodes(operator: Troupe): Promise<readonly string[]> {
  return operator.status().then(
    ({ nodes }) => nodes.filter(({ state }) => state === 'alive').map(({ name }) => name),
    () => [],
  );
}

/** Whether it moved: a cluster under other faults may refuse, or not answer in time. */
async function move(
  operator: Troupe,
  actor: ActorView | undefined,
  to: string | undefined,
): Promise<boolean> {
  if (actor === undefined) return false;
  const [, type = '', ...rest] = actor.actor.split('/');
  const options = to === undefined ? { waitMs } : { to, waitMs };
  return operator.migrate(type, rest.join('/'), options).then(
    ({ state }) => state === 'moved',
    () => false,
  );
}
