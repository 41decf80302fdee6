/** Runs errands on a cluster, whichever that is, while somebody does harm to it, and compares. */
import { type Troupe, TroupeError } from '@troupe/sdk';
import { Agent } from './agents.ts';
import { comesTo, differences, isDone, type Kept, type Outcome, type Told } from './model.ts';
import { type Errand, givingErrand, keyOf, type Signal } from './program.ts';

/** The cluster under test. */
export interface Field {
  readonly troupe: Troupe;
  /** Once for each batch, while that is under way. */
  harm(): Promise<void>;
  /** While what is under way goes on, for a moment. */
  passing(): Promise<void>;
  /** For a while, in which what is left may come to its end. */
  settling(): Promise<void>;
}

export interface Verdict {
  /** Each in words; none is right. */
  readonly wrong: readonly string[];
  readonly done: number;
  readonly failed: number;
  readonly unknown: number;
  readonly signals: number;
}

const batchSize = 10;
/** Errands of so many batches are under way at most: a cluster that is slow is waited for. */
const batchesMax = 10;
/** How often it is looked whether all letters have come to their end. */
const looksMax = 60;
const patient = { deadlineMs: 600_000 };

export async function runErrands(
  errands: readonly Errand[],
  agents: number,
  field: Field,
): Promise<Verdict> {
  const client = new Client(field.troupe);
  for (let from = 0; from < errands.length; from += batchSize) {
    const batch = errands.slice(from, from + batchSize);
    const signals = batch.flatMap((errand) => errand.signals);
    for (const errand of batch) client.begin(errand);
    client.give(signals.filter(({ late }) => !late));
    await field.passing();
    await field.harm();
    client.give(signals.filter(({ late }) => late));
    await field.passing();
    await client.fewerThan(batchSize * batchesMax);
  }
  await client.fewerThan(1);
  const { wrong, outcomes } = client;
  const expected = comesTo(outcomes);
  let found: readonly string[] = [];
  for (let look = 0; look < looksMax; look++) {
    await field.settling();
    found = differences(expected, await keptBy(field.troupe, agents));
    if (found.length === 0) break;
    // What was applied wrongly stays so; what lacks may still be on its way.
    if (found.some((text) => !text.includes(' lacks '))) break;
  }
  const count = (kind: Told['kind']) => outcomes.filter(({ told }) => told.kind === kind).length;
  return {
    wrong: [...wrong, ...found],
    done: count('done'),
    failed: count('failed'),
    unknown: count('unknown'),
    signals: errands.reduce((sum, { signals }) => sum + signals.length, 0),
  };
}

/** Asks for errands and gives signals, many at once, and remembers what it was told. */
class Client {
  readonly outcomes: Outcome[] = [];
  readonly wrong: string[] = [];
  readonly #troupe: Troupe;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(troupe: Troupe) {
    this.#troupe = troupe;
  }

  begin(errand: Errand): void {
    this.#track(this.#ask(errand));
  }

  give(signals: readonly Signal[]): void {
    for (const signal of signals) this.#track(this.#give(signal));
  }

  async fewerThan(count: number): Promise<void> {
    while (this.#underWay.size >= count) await Promise.race(this.#underWay);
  }

  #track(work: Promise<unknown>): void {
    this.#underWay.add(work);
    const over = () => this.#underWay.delete(work);
    work.then(over, over);
  }

  async #ask(errand: Errand): Promise<Told> {
    const { agent, program } = errand;
    const run = this.#troupe.actor(Agent, keyOf(agent), patient).run(program);
    const told = await toldOf(run);
    this.outcomes.push({ errand, told });
    const expected = isDone(errand) ? 'done' : 'failed';
    if (told.kind !== expected && told.kind !== 'unknown') {
      this.wrong.push(`${program.id} is ${said(told)}, not ${expected}`);
    }
    return told;
  }

  /** Until it is given for sure: twice does no harm, since each name is waited for once. */
  async #give(signal: Signal): Promise<void> {
    const { agent, name, by } = signal;
    const asked = by === 'client' ? undefined : await this.#ask(givingErrand(signal, by));
    if (asked?.kind === 'done') return;
    let told: Told;
    do {
      told = await toldOf(this.#troupe.signal(Agent, keyOf(agent), name, name, patient));
    } while (told.kind === 'unknown');
    if (told.kind !== 'done') this.wrong.push(`signal ${name} is ${said(told)}, not given`);
  }
}

async function toldOf(asked: Promise<unknown>): Promise<Told> {
  try {
    await asked;
    return { kind: 'done' };
  } catch (thrown) {
    if (!(thrown instanceof TroupeError)) throw thrown;
    if (thrown.code === 'USER_ERROR') return { kind: 'failed' };
    return thrown.outcome === 'unknown'
      ? { kind: 'unknown' }
      : { kind: 'refused', code: thrown.code };
  }
}

function said(told: Told): string {
  return told.kind === 'refused' ? told.code : told.kind;
}

async function keptBy(troupe: Troupe, agents: number): Promise<ReadonlyMap<string, Kept>> {
  const keys = Array.from({ length: agents }, (_, agent) => keyOf(agent));
  const kept = keys.map(async (key) => {
    return [key, await troupe.actor(Agent, key, patient).kept()] as const;
  });
  return new Map(await Promise.all(kept));
}
