/** Runs of a workflow of all kinds, whose result is known beforehand: two questions are open at once
 *  and answered in any order, now and then under a wrong id, which must be refused. */
import { setTimeout as pause } from 'node:timers/promises';
import { type RunHandle, TroupeError } from '@troupe/sdk';
import { Ledger } from '../agents.ts';
import type { Random } from '../random.ts';
import { type Voyage, type Voyaged, voyage } from '../voyages.ts';
import { type Came, cameOfMany, insist, readAll, type Workload } from './workload.ts';

const voyagesPerKey = 50;
const runMsMax = 90_000;
const lookMs = 150;
const questions = ['first', 'second'] as const;

type Answers = { readonly [question in (typeof questions)[number]]: number };

export const voyages: Workload = {
  name: 'voyages',
  clients: 2,
  thinkMs: 500,
  client({ client, troupe, random, operations }) {
    return async () => {
      const key = `voyages${operations.generation(voyagesPerKey)}`;
      const id = operations.nextId(client);
      const items = Array.from({ length: random.between(1, 3) }, () => random.between(0, 99));
      const input: Voyage = { id, key, items, size: random.between(0, 99) };
      const answers = { first: random.between(0, 99), second: random.between(0, 99) };
      const asked = { id, key, action: 'voyage', input: { ...input, answers } };
      await operations.recordAs(client, asked, async (): Promise<Came> => {
        try {
          const run = await insist(() => troupe.start(voyage, input, { run: id }), runMsMax);
          const refused = await answerAll(run, answers, random);
          const output = resultOf(await insist(() => run.result(), runMsMax));
          return { outcome: 'ok', output: { ...output, refused } };
        } catch (reason) {
          return cameOfMany(reason);
        }
      });
    };
  },
  finals: ({ troupe }, keys) => readAll('voyages', keys, (key) => troupe.actor(Ledger, key).ids()),
  actorsOf: (key) => [{ actor: Ledger, key }],
};

/** Without how many ids the ledger had, which nobody knows beforehand. */
function resultOf({ side, ...rest }: Voyaged): object {
  const squares = side.results.map(([again]) => again?.results.map(([square]) => square));
  return { squares, ...rest };
}

/** Answers false when an answer to no question was taken. */
async function answerAll(
  run: RunHandle<Voyaged>,
  answers: Answers,
  random: Random,
): Promise<boolean> {
  const end = performance.now() + runMsMax;
  const order = random.chance(0.5) ? questions : [...questions].reverse();
  const isWrongFirst = random.chance(0.3);
  let refused = true;
  while (performance.now() < end) {
    const view = await insist(() => run.view(), runMsMax);
    if (view.state !== 'running' && view.state !== 'waiting') break;
    const stateOf = (id: string) => view.blocks.find(({ block }) => block === id)?.state;
    if (questions.every((id) => stateOf(id) === 'done')) break;
    const open = order.filter((id) => stateOf(id) === 'paused');
    if (isWrongFirst && open.length > 0) refused &&= !(await resume(run, `${open[0]}[0]`, -1));
    for (const id of open) await resume(run, id, answers[id]);
    await pause(lookMs);
  }
  return refused;
}

/** True when it was taken. Not known whether it was heard: the next look at the run says it. */
async function resume(run: RunHandle<Voyaged>, block: string, answer: number): Promise<boolean> {
  try {
    await run.resume(block, answer);
    return true;
  } catch (reason) {
    if (!(reason instanceof TroupeError)) throw reason;
    return false;
  }
}
