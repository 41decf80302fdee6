/** `troupe chaos run`: a seeded schedule of faults on the cluster that runs. */
import { randomInt } from 'node:crypto';
import { failureOf } from '@troupe/model';
import type { Command } from 'commander';
import { chosenKinds, faultOf } from '../chaos/kinds.ts';
import { plannedRounds } from '../chaos/plan.ts';
import { type Played, play } from '../chaos/play.ts';
import { rested, type Scene } from '../chaos/scene.ts';
import { type KindSummary, summaryOf } from '../chaos/summary.ts';
import { victimsOf } from '../chaos/victim.ts';
import { duration } from '../terminal/duration.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { failed, notWhole, onScene } from './chaos-scene.ts';
import { confirm } from './confirm.ts';
import { exitCodeOf, exitCodes } from './exit-code.ts';
import { countOf, examples, settingsOf, spanOf } from './settings.ts';

interface RunOptions {
  readonly for: string;
  readonly seed?: string;
  readonly only?: string;
  readonly pause: string;
  readonly within: string;
  readonly yes?: boolean;
}

const seedMax = 1_000_000;

export function addChaosRun(chaos: Command): void {
  chaos
    .command('run')
    .description('faults alone and together, round after round, drawn from a seed')
    .option('--for <span>', 'no round begins after that', '1m')
    .option('--seed <n>', 'the same seed and kinds plan the same faults; drawn when absent')
    .option('--only <kinds>', 'with commas; all that can be had when absent')
    .option('--pause <span>', 'between two rounds', '2s')
    .option('--within <span>', 'how long the cluster may take to be whole again', '60s')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `${examples(
        'troupe chaos run --for 2m',
        'troupe chaos run --for 10m --seed 7 --yes --json',
        'troupe chaos run --only kill-node,freeze-leader --pause 5s',
      )}\n\nCtrl-C undoes what was begun and prints the table of what was done.`,
    )
    .action(async (options: RunOptions, command: Command) => {
      const settings = settingsOf(command);
      const forMs = spanOf('--for', options.for);
      const pauseMs = spanOf('--pause', options.pause);
      const withinMs = spanOf('--within', options.within);
      const seed =
        options.seed === undefined ? randomInt(1, seedMax) : countOf('--seed', options.seed, 0);
      await onScene(settings, async (scene) => {
        const kinds = chosenKinds(options.only, await victimsOf(scene.dataDir));
        const what = `${kinds.length} kinds of faults on cell ${scene.cell} for ${duration(forMs)}`;
        await confirm(what, options.yes === true);
        scene.say(`seed ${seed}; ${kinds.join(', ')}`);
        const rounds = plannedRounds(String(seed), kinds, (kind) => faultOf(kind).lastsMs);
        const played: Played[] = [];
        const end = performance.now() + forMs;
        let failure: unknown;
        try {
          for (const round of rounds) {
            const results = await play(scene, round, { withinMs });
            played.push(...results);
            tell(scene, results);
            if (results.some(({ outcome }) => outcome === 'not-whole')) break;
            if (scene.stop.aborted || performance.now() + pauseMs >= end) break;
            await rested(pauseMs, scene.stop);
          }
        } catch (thrown) {
          failure = thrown;
        }
        const { aborted: interrupted } = scene.stop;
        conclude(settings.terminal, { seed, interrupted, played, failure });
      });
    });
}

function tell(scene: Scene, results: readonly Played[]): void {
  const times = results.flatMap(({ recoveredMs }) => recoveredMs ?? []);
  if (times.length > 0) scene.say(`whole again after ${duration(Math.max(...times))}`);
}

interface Schedule {
  readonly seed: number;
  readonly interrupted: boolean;
  readonly played: readonly Played[];
  /** What a round broke off with; of that round nothing is known. */
  readonly failure: unknown;
}

function conclude(terminal: Terminal, { seed, interrupted, played, failure }: Schedule): void {
  const kinds = summaryOf(played);
  const bad = played.find(({ outcome }) => outcome === 'not-whole');
  const whole = bad === undefined && !interrupted && failure === undefined;
  const error = failure === undefined ? {} : { error: failureOf(failure) };
  terminal.answer({ seed, whole, interrupted, kinds, faults: played, ...error }, () => {
    printKinds(terminal, kinds);
    const done = played.filter(({ outcome }) => outcome !== 'skipped').length;
    const how = interrupted ? ', interrupted' : failure === undefined ? '' : ', broken off';
    terminal.line(`${done} faults of ${kinds.length} kinds, seed ${seed}${how}`);
  });
  if (failure !== undefined) {
    const { code, message } = failureOf(failure);
    failed(terminal, `${code}: ${message}`);
    process.exitCode = exitCodeOf(failure);
    return;
  }
  if (bad !== undefined) {
    notWhole(terminal, `after ${bad.kind}`, bad.missing);
  } else if (interrupted) {
    process.exitCode = exitCodes.interrupted;
  }
}

function printKinds(terminal: Terminal, kinds: readonly KindSummary[]): void {
  const span = (ms: number | undefined) => (ms === undefined ? '' : duration(ms));
  terminal.table<KindSummary>(
    [
      { title: 'KIND', value: (one) => one.kind },
      { title: 'TIMES', value: (one) => one.times, numeric: true },
      { title: 'MEDIAN', value: (one) => span(one.medianMs), numeric: true },
      { title: 'MAX', value: (one) => span(one.maxMs), numeric: true },
      { title: 'SKIPPED', value: (one) => one.skipped, numeric: true },
    ],
    kinds,
  );
}
