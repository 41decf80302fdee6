/** Links to NATS that break, fall silent or grow slow, by the proxy in between. */
import type { Direction } from '../cluster/nats-proxy.ts';
import type { Random } from '../random.ts';
import { type Fault, holdOne, leaseMs } from './fault.ts';

type Role = 'node' | 'leader';

/** All links of a node are reset, three times in a row. */
export const resetLinks: Fault = {
  lastsMs: [500, 2_000],
  async inject(stage, random) {
    const target = await holdOne(stage, random, 'node');
    if (target === undefined) return undefined;
    stage.proxy.reset(target);
    return {
      target,
      async undo() {
        stage.proxy.reset(target);
        stage.warden.release(target);
      },
    };
  },
};

/** Nobody is told: what is sent just does not arrive, one way or both. */
export function cutLinks(role: Role): Fault {
  return {
    lastsMs: [leaseMs / 2, leaseMs * 3],
    async inject(stage, random) {
      const name = await holdOne(stage, random, role);
      if (name === undefined) return undefined;
      const directions = cutDirections(random);
      stage.proxy.cut(name, directions);
      return {
        target: `${name} (${directions.join(' and ')})`,
        async undo() {
          stage.proxy.heal(name);
          stage.warden.release(name);
        },
      };
    },
  };
}

export const slowLinks: Fault = {
  lastsMs: [2_000, 6_000],
  async inject(stage, random) {
    const name = await holdOne(stage, random, 'node');
    if (name === undefined) return undefined;
    const delayMs = random.between(50, 400);
    stage.proxy.slow(name, delayMs);
    return {
      target: `${name} (${delayMs} ms)`,
      async undo() {
        stage.proxy.heal(name);
        stage.warden.release(name);
      },
    };
  },
};

function cutDirections(random: Random): readonly Direction[] {
  return (
    random.pick<readonly Direction[]>([['to-server', 'to-client'], ['to-server'], ['to-client']]) ??
    []
  );
}
