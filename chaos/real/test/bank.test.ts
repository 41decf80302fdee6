/**
 * A bank: 50 accounts of one scope, money that is moved or given back, savepoints, and returns to one of the
 * last of them again and again: every transfer is judged by its id, and every savepoint by its sum.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleFile, type Cluster, startCluster } from '@troupe/cli';
import { connect, type Troupe } from '@troupe/sdk';
import { TestCluster } from '@troupe/sdk/testing';
import { afterAll, expect, test } from 'vitest';
import { goesBackWhole } from '../src/checkers/goes-back-whole.ts';
import type { Verdict } from '../src/checkers/verdict.ts';
import {
  faketimeLibrary,
  isUnderFalseClock,
  setFalseClock,
  underFalseClock,
} from '../src/cluster/false-clock.ts';
import { HistoryWriter, type Operation } from '../src/history/history.ts';
import { Random } from '../src/random.ts';
import { Cashier, Vault } from '../src/vaults.ts';
import { Bank, statements } from '../src/workloads/vaults.ts';
import { Operations } from '../src/workloads/workload.ts';

const accounts = 50;
const clients = 12;
const key = 'bank';
const bundle = fileURLToPath(new URL('../src/vaults.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'troupe-bank-'));
const faketime = faketimeLibrary();

afterAll(() => rmSync(folder, { recursive: true }));

/** Where the bank is, and what befalls it. */
interface Place {
  readonly troupe: Troupe;
  readonly seed: string;
  /** How often it is to go back. */
  readonly returns: number;
  /** A while in which money is moved. */
  passing(): Promise<void>;
  /** A client is done with one transfer. */
  thinking(): Promise<void>;
  /** While it goes back, or would, for the time of this number. */
  harm(number: number): Promise<void>;
}

interface Ran {
  readonly verdict: Verdict;
  readonly operations: readonly Operation[];
  /** Transfers that were told to be done, and are not there in the end. */
  readonly takenBack: number;
  /** Transfers that are there as a debit that was given back. */
  readonly givenBack: number;
}

/** What happens one after the other has numbers one after the other. */
class Numbered extends HistoryWriter {
  #last = 0;

  override now(): number {
    this.#last += 1;
    return this.#last;
  }
}

async function runBank(place: Place): Promise<Ran> {
  const { troupe, returns } = place;
  const writer = new Numbered(join(folder, `${place.seed}.jsonl`));
  const operations = new Operations('vaults', writer);
  const random = new Random(place.seed);
  const seatOf = (client: string) => ({
    client,
    troupe,
    troupeOf: () => troupe,
    random: random.fork(client),
    nodes: 3,
    operations,
  });
  let going = true;
  const moving = Array.from({ length: clients }, async (_, number) => {
    const bank = new Bank(seatOf(`client${number}`), key, accounts);
    for (let count = 0; going; count++) {
      await bank.pay(count % 2 === 0 ? 'transfer' : 'move');
      await place.thinking();
    }
  });
  const keeper = new Bank(seatOf('keeper'), key, accounts);
  const names = [await keeper.look()];
  for (let done = 0, tries = 0; done < returns && tries < 2 * returns; tries++) {
    await place.passing();
    names.push(await keeper.look());
    await place.passing();
    const savepoint = random.pick(names.slice(-3)) ?? '';
    const [{ outcome }] = await Promise.all([keeper.goBack(savepoint), place.harm(tries)]);
    if (outcome !== 'ok') continue;
    done += 1;
    // Savepoints beyond are forgotten.
    names.length = names.indexOf(savepoint) + 1;
  }
  await place.passing();
  going = false;
  await Promise.all(moving);
  await keeper.look();
  const finals = await statements(troupe, [key], accounts);
  const history = writer.close();
  const verdict = goesBackWhole('a scope goes back as a whole', {
    operations: history.operations,
    finals,
  });
  const there = new Map<string, number>();
  for (const { value } of finals) {
    const { entries } = value as { readonly entries: readonly (readonly [string, number])[] };
    for (const [id, amount] of entries) if (amount > 0) there.set(id, (there.get(id) ?? 0) + 1);
  }
  const isPaid = ({ action }: Operation) => action === 'transfer' || action === 'move';
  const paid = history.operations.filter(isPaid);
  return {
    verdict,
    operations: history.operations,
    takenBack: paid.filter(({ id, outcome }) => outcome === 'ok' && !there.has(id)).length,
    givenBack: paid.filter(({ id, code }) => code === 'USER_ERROR' && there.has(id)).length,
  };
}

function expectWhole({ verdict, operations, takenBack, givenBack }: Ran, returns: number): void {
  expect(verdict.findings).toEqual([]);
  const ok = (action: string) =>
    operations.filter((one) => one.action === action && one.outcome === 'ok').length;
  expect(ok('back')).toBeGreaterThanOrEqual(returns);
  expect(ok('look')).toBeGreaterThan(returns);
  expect(ok('transfer') + ok('move')).toBeGreaterThan(20 * returns);
  expect(takenBack).toBeGreaterThan(0);
  expect(givenBack).toBeGreaterThan(0);
}

test('a bank of 50 accounts goes back as a whole in a test cluster, whatever dies', async () => {
  const returns = 6;
  const seed = process.env['TROUPE_SEED'] ?? '1';
  const timings = { checkpointTurns: 20 };
  const cluster = await TestCluster.start({ bundle: { Cashier, Vault }, chaos: true, timings });
  const chance = new Random(seed).fork('harm');
  const ran = await runBank({
    troupe: cluster.connect({ deadlineMs: 120_000 }),
    seed,
    returns,
    passing: () => cluster.advance(chance.between(50, 200)),
    thinking: () => Promise.resolve(),
    async harm(number) {
      if (number % 2 === 0) return;
      const isNode = chance.chance(0.75);
      const victim = `${isNode ? 'node' : 'scheduler'}-${chance.between(1, isNode ? 3 : 2)}`;
      await cluster.advance(chance.between(0, 20));
      await cluster.crash(victim);
      await cluster.restart(victim);
    },
  });
  await cluster.stop();
  expectWhole(ran, returns);
});

/** Seconds by which the clock of each process is off. */
const off: { readonly [name: string]: number } = { n1: 30, n2: -30, n3: 0, s1: -30, s2: 30 };

test.skipIf(faketime === undefined)(
  `a bank of 50 accounts goes back as a whole, whatever is killed and however wrong clocks are${
    faketime === undefined ? ' (libfaketime is not installed)' : ''
  }`,
  async () => {
    const returns = 12;
    const seed = process.env['TROUPE_SEED'] ?? String(Date.now() % 1_000_000);
    const chance = new Random(seed).fork('harm');
    await using cluster = await skewedCluster(faketime ?? '');
    const address = cluster.addresses.join(',');
    const troupe = await connect({ address, deadlineMs: 120_000 });
    await troupe.deploy((await bundleFile(bundle)).bytes);
    const ran = await runBank({
      troupe,
      seed: `real${seed}`,
      returns,
      passing: () => pause(1_000),
      thinking: () => pause(20),
      async harm(number) {
        if (number % 2 === 0) return;
        const isNode = number % 3 !== 0;
        const victim = chance.pick(isNode ? cluster.nodes : cluster.schedulers);
        if (victim === undefined) throw new Error('nobody is there to be killed');
        const { name, address: listen = '' } = victim;
        await pause(chance.between(0, 200));
        victim.kill('SIGKILL');
        await victim.exited;
        if (isNode) await cluster.startNode({ name });
        else await cluster.startScheduler({ name, listen });
      },
    });
    const now = Date.now();
    const made = await troupe.scope(key).savepoint('clock');
    expect(Math.abs(Math.abs(made.at.getTime() - now) - 30_000)).toBeLessThan(10_000);
    await troupe.close();
    expectWhole(ran, returns);
  },
  240_000,
);

/** Whose processes have clocks that are up to a minute apart. */
async function skewedCluster(library: string): Promise<Cluster & AsyncDisposable> {
  const env: { [name: string]: { readonly [name: string]: string } } = {};
  for (const [name, seconds] of Object.entries(off)) {
    const file = join(folder, `${name}.clock`);
    setFalseClock(file, seconds);
    env[name] = underFalseClock(library, file);
  }
  const nodeConfig = { checkpointTurns: 20 };
  const cluster = await startCluster({ nodes: 3, schedulers: 2, env, nodeConfig });
  for (const { pid } of [...cluster.nodes, ...cluster.schedulers]) {
    expect(isUnderFalseClock(pid, library)).toBe(true);
  }
  return Object.assign(cluster, { [Symbol.asyncDispose]: () => cluster.stop() });
}
