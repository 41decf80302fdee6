/** Runs errands on a cluster, whichever that is, while somebody does harm to it, and compares. */
import { type Troupe, TroupeError } from '@troupe/sdk';
import { Agent } from './agents.ts';
import { comesTo, differences, isDone, type Told } from './model.ts';
import { type Errand, keyOf } from './program.ts';

/** The cluster under test. */
export interface Field {
  readonly troupe: Troupe;
  /** Before each batch but the first. */
  harm(batch: number): Promise<void>;
  /** While what is under way goes on, for a moment. */
  passing(): Promise<void>;
}

export interface Verdict {
  /** Each in words; none is right. */
  readonly wrong: readonly string[];
  readonly done: number;
  readonly failed: number;
  readonly unknown: number;
}

const batchSize = 10;
/** How often it is looked whether all letters have come to their end. */
const looksMax = 200;

export async function runErrands(
  errands: readonly Errand[],
  agents: number,
  field: Field,
): Promise<Verdict> {
  const told: Told[] = [];
  const wrong: string[] = [];
  const asked: Promise<void>[] = [];
  for (let from = 0; from < errands.length; from += batchSize) {
    if (from > 0) await field.harm(from / batchSize);
    for (const [at, errand] of errands.slice(from, from + batchSize).entries()) {
      const index = from + at;
      asked.push(
        ask(field.troupe, errand).then((answer) => {
          told[index] = answer;
          const expected = isDone(errand) ? 'done' : 'failed';
          if (answer.kind === expected || answer.kind === 'unknown') return;
          const is = answer.kind === 'refused' ? answer.code : answer.kind;
          wrong.push(`${errand.program.id} is ${is}, not ${expected}`);
        }),
      );
    }
    await field.passing();
  }
  await Promise.all(asked);
  const expected = comesTo(errands, told);
  let found: readonly string[] = [];
  for (let look = 0; look < looksMax; look++) {
    await field.passing();
    found = differences(expected, await lists(field.troupe, agents));
    if (found.length === 0) break;
    // What was applied wrongly stays so; what lacks may still be on its way.
    if (found.some((text) => !text.includes(' lacks '))) break;
  }
  const count = (kind: Told['kind']): number => told.filter((one) => one.kind === kind).length;
  return {
    wrong: [...wrong, ...found],
    done: count('done'),
    failed: count('failed'),
    unknown: count('unknown'),
  };
}

async function ask(troupe: Troupe, { agent, program }: Errand): Promise<Told> {
  try {
    await troupe.actor(Agent, keyOf(agent), { deadlineMs: 300_000 }).run(program);
    return { kind: 'done' };
  } catch (thrown) {
    if (!(thrown instanceof TroupeError)) throw thrown;
    if (thrown.code === 'USER_ERROR') return { kind: 'failed' };
    return thrown.outcome === 'unknown'
      ? { kind: 'unknown' }
      : { kind: 'refused', code: thrown.code };
  }
}

async function lists(
  troupe: Troupe,
  agents: number,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const keys = Array.from({ length: agents }, (_, agent) => keyOf(agent));
  const read = keys.map(async (key) => [key, await troupe.actor(Agent, key).ids()] as const);
  return new Map(await Promise.all(read));
}
