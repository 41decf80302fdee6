/**
 * Dead-path elimination done naively: again and again over all of a body, until nothing changes.
 * Nothing of the engine is used here, so that they can only agree by both being right.
 */
import type { GraphPlan, PlannedBlock } from '../../src/dag/graph.ts';

/** What each block does, by the indices around it: the port it leaves by, or how many rounds or
 *  branches a container has. */
export interface Behaviour {
  portOf(id: string, indices: readonly number[]): string;
  countOf(id: string, indices: readonly number[]): number;
}

/** The contexts that run, with how they end; a failure that nobody catches just prunes. */
export function tellNaively(
  plan: GraphPlan,
  behaviour: Behaviour,
): ReadonlyMap<string, 'done' | 'failed'> {
  const ends = new Map<string, 'done' | 'failed'>();
  const membersOf = (container: string | undefined) =>
    plan.blocks.filter((block) => block.in === container);
  const name = (id: string, indices: readonly number[]) =>
    indices.length === 0 ? id : `${id}${indices.map((index) => `[${index}]`).join('')}`;

  /** The port by which a body's block leaves; undefined when it is skipped. */
  const run = (block: PlannedBlock, indices: readonly number[]): string => {
    if (block.container === undefined) return behaviour.portOf(block.id, indices);
    const count = behaviour.countOf(block.id, indices);
    for (let index = 0; index < count; index++) settleBody(block.id, [...indices, index]);
    return 'done';
  };
  const settleBody = (container: string | undefined, indices: readonly number[]): void => {
    const members = membersOf(container);
    const ports = new Map<string, string | undefined>();
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of members) {
        if (ports.has(block.id)) continue;
        const into = plan.edges.filter(({ to }) => to === block.id);
        if (!into.every(({ from }) => ports.has(from))) continue;
        const fires = into.some(({ from, port = 'done' }) => {
          const taken = ports.get(from);
          if (taken === undefined) return false;
          return port === taken || (port === 'done' && taken !== 'error' && taken !== 'lost');
        });
        changed = true;
        if (into.length > 0 && !fires) {
          ports.set(block.id, undefined);
          continue;
        }
        const port = run(block, indices);
        const caught = plan.edges.some(
          (edge) => edge.from === block.id && (edge.port ?? 'done') === 'error',
        );
        ports.set(block.id, port === 'error' && !caught ? 'lost' : port);
        ends.set(name(block.id, indices), port === 'error' ? 'failed' : 'done');
      }
    }
  };
  settleBody(undefined, []);
  return ends;
}
