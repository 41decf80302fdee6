/** Runs of a workflow with a fan-out, a question to a person, a call and a join; some are
 *  cancelled at the question. */
import { type RunHandle, type Troupe, TroupeError } from '@troupe/sdk';
import { Ledger, type Tour, tour } from '../agents.ts';
import { type Came, cameOfMany, insist, readAll, type Workload } from './workload.ts';

const runsPerKey = 100;
const pauseBlock = 'approve';
const runMsMax = 90_000;
const viewMs = 1_000;

interface Toured {
  readonly squares: number[];
  readonly total: number;
}

export const runs: Workload = {
  name: 'runs',
  clients: 4,
  thinkMs: 300,
  client({ client, troupe, random, operations }) {
    return async () => {
      const key = `runs${operations.generation(runsPerKey)}`;
      const id = operations.nextId(client);
      const items = Array.from({ length: random.between(1, 8) }, () => random.between(0, 99));
      const answer = random.between(0, 1_000);
      const cancels = random.chance(0.2);
      const input: Tour = { id, key, items };
      const asked = { id, key, action: cancels ? 'cancel' : 'run', input: { items, answer } };
      await operations.recordAs(client, asked, () =>
        cancels ? cancelRun(troupe, input) : finishRun(troupe, input, answer),
      );
    };
  },
  finals: ({ troupe }, keys) => readAll('runs', keys, (key) => troupe.actor(Ledger, key).ids()),
  actorsOf: (key) => [{ actor: Ledger, key }],
};

async function finishRun(troupe: Troupe, input: Tour, answer: number): Promise<Came> {
  try {
    const run = await begin(troupe, input);
    await answerWhenAsked(run, answer);
    const { squares, total } = await insist(() => run.result(), runMsMax);
    return { outcome: 'ok', output: { squares, total } };
  } catch (reason) {
    return cameOfMany(reason);
  }
}

/** A run that is cancelled before the person answered never comes to its call. */
async function cancelRun(troupe: Troupe, input: Tour): Promise<Came> {
  try {
    const run = await begin(troupe, input);
    const { state } = await insist(() => run.cancel(), runMsMax);
    if (state === 'cancelled') return { outcome: 'failed', code: 'CANCELLED' };
    return { outcome: 'unknown', code: 'WRONG_STATE', message: `the cancelled run is ${state}` };
  } catch (reason) {
    return cameOfMany(reason);
  }
}

/** To start a run of an id again finds the one that is there. */
function begin(troupe: Troupe, input: Tour): Promise<RunHandle<Toured>> {
  return insist(() => troupe.start(tour, input, { run: input.id }), runMsMax);
}

async function answerWhenAsked(run: RunHandle<Toured>, answer: number): Promise<void> {
  const end = performance.now() + runMsMax;
  while (performance.now() < end) {
    const view = await insist(() => run.view(), runMsMax);
    if (view.state !== 'running' && view.state !== 'waiting') return;
    const asking = view.blocks.some(
      ({ block, state }) => block === pauseBlock && state === 'paused',
    );
    const over = view.blocks.some(({ block, state }) => block === pauseBlock && state === 'done');
    if (over) return;
    if (!asking) {
      await new Promise((resolve) => setTimeout(resolve, viewMs / 10));
      continue;
    }
    try {
      await run.resume(pauseBlock, answer);
      return;
    } catch (reason) {
      // Not known whether it was heard, or heard already: the next look at the run says it.
      if (!(reason instanceof TroupeError)) throw reason;
      await new Promise((resolve) => setTimeout(resolve, viewMs / 10));
    }
  }
}
