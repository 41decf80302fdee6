/** `troupe chaos`: puts the cluster that one runs under faults, and says how it recovers. */
import { TroupeError } from '@troupe/model';
import type { Command } from 'commander';
import { choose } from '../chaos/inject.ts';
import { elsewhere, type FaultKind, faultKinds, faultOf, whyNot } from '../chaos/kinds.ts';
import { type Played, play } from '../chaos/play.ts';
import { recordOf } from '../chaos/scene.ts';
import { titleOf, victimsOf } from '../chaos/victim.ts';
import { findDataDir } from '../local/state-file.ts';
import { duration } from '../terminal/duration.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { addChaosRun } from './chaos-run.ts';
import { failed, notWhole, onScene } from './chaos-scene.ts';
import { confirm } from './confirm.ts';
import { exitCodes } from './exit-code.ts';
import { examples, type Settings, settingsOf, spanOf } from './settings.ts';

interface OneOptions {
  readonly for?: string;
  readonly within: string;
  readonly yes?: boolean;
}

export function addChaos(program: Command): void {
  const chaos = program
    .command('chaos')
    .description('put the local cluster under faults, and see how it recovers')
    .addHelpText(
      'after',
      examples(
        'troupe chaos list',
        'troupe chaos kill-node n2',
        'troupe chaos freeze-leader --for 5s',
        'troupe chaos run --for 2m --seed 7',
      ),
    );
  addChaosList(chaos);
  addChaosRun(chaos);
  for (const kind of faultKinds) addOne(chaos, kind);
}

function addChaosList(chaos: Command): void {
  chaos
    .command('list')
    .description('list the kinds of faults, and why some cannot be had here')
    .addHelpText('after', examples('troupe chaos list', 'troupe chaos list --json'))
    .action(async (_options: object, command: Command) => {
      const { terminal, cell, data } = settingsOf(command);
      const dataDir = findDataDir(cell, data);
      recordOf(dataDir);
      const victims = await victimsOf(dataDir);
      const kinds = [
        ...faultKinds.map((kind) => {
          const why = whyNot(kind, victims);
          return { kind, says: faultOf(kind).says, available: why === undefined, why };
        }),
        ...Object.entries(elsewhere).map(([kind, why]) => ({ kind, available: false, why })),
      ];
      terminal.answer(kinds, () => {
        terminal.table<(typeof kinds)[number]>(
          [
            { title: 'KIND', value: (one) => one.kind },
            {
              title: 'HERE',
              value: (one) => (one.available ? 'yes' : 'no'),
              paint: (cell, one) => terminal.paint(one.available ? 'green' : 'dim', cell),
            },
            {
              title: 'WHAT IT DOES, OR WHY NOT',
              value: (one) => (one.available && 'says' in one ? one.says : (one.why ?? '')),
            },
          ],
          kinds,
        );
      });
    });
}

function addOne(chaos: Command, kind: FaultKind): void {
  const { says, to, does, lastsMs } = faultOf(kind);
  const one = chaos.command(kind).description(says);
  const named = to === 'node' || to === 'standby';
  const lasts = does === 'freeze' ? 'how long it is frozen' : 'how long it stays away';
  if (lastsMs[1] > 0) one.option('--for <span>', lasts, does === 'freeze' ? '5s' : '0s');
  one
    .option('--within <span>', 'how long the cluster may take to be whole again', '60s')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      examples(
        `troupe chaos ${kind}${to === 'node' ? ' n2' : ''}`,
        ...(lastsMs[1] > 0 ? [`troupe chaos ${kind} --for 10s --yes`] : []),
        `troupe chaos ${kind} --yes --json`,
      ),
    );
  if (!named) {
    one.action((options: OneOptions, command: Command) =>
      faultNow(settingsOf(command), kind, undefined, options),
    );
    return;
  }
  const absent = to === 'node' ? 'the node with the most actors' : 'any';
  one
    .argument('[name]', `${absent} when absent`)
    .action((name: string | undefined, options: OneOptions, command: Command) =>
      faultNow(settingsOf(command), kind, name, options),
    );
}

async function faultNow(
  settings: Settings,
  kind: FaultKind,
  name: string | undefined,
  options: OneOptions,
): Promise<void> {
  const { terminal } = settings;
  const lastsMs = spanOf('--for', options.for ?? '0');
  const withinMs = spanOf('--within', options.within);
  await onScene(settings, async (scene) => {
    const why = whyNot(kind, await victimsOf(scene.dataDir));
    if (why !== undefined) {
      throw new TroupeError({ code: 'WRONG_STATE', message: `${kind} is not to be had: ${why}` });
    }
    const victim = await choose(scene, kind, { name, draw: 0 });
    if (victim === undefined) {
      const message = `cell ${scene.cell} has no ${faultOf(kind).to} at present; look with \`troupe status\``;
      throw new TroupeError({ code: 'NO_LEADER', message });
    }
    const what = `${kind}: ${titleOf(victim)} of cell ${scene.cell}`;
    await confirm(what, options.yes === true);
    const round = [{ kind, afterMs: 0, lastsMs, draw: 0 }];
    const [played] = await play(scene, round, { name: victim.name, withinMs });
    if (played === undefined)
      throw new TroupeError({
        code: 'CANCELLED',
        message: `nothing was done to cell ${scene.cell}: it was interrupted before`,
      });
    conclude(terminal, played, withinMs);
  });
}

function conclude(terminal: Terminal, played: Played, withinMs: number): void {
  terminal.answer(played, () => {
    if (played.outcome !== 'recovered') return;
    const { recoveredMs = 0, leaderlessMs = 0 } = played;
    const led = leaderlessMs > 500 ? `; no leader answered for ${duration(leaderlessMs)}` : '';
    const whole = terminal.paint('green', `whole again after ${duration(recoveredMs)}`);
    terminal.line(`${whole}${led}`);
  });
  if (played.outcome === 'interrupted') process.exitCode = exitCodes.interrupted;
  if (played.outcome === 'skipped') {
    failed(terminal, `WRONG_STATE: nothing was done: ${played.did}; look with \`troupe status\``);
  }
  if (played.outcome === 'not-whole') {
    notWhole(terminal, `within ${duration(withinMs)} after ${played.kind}`, played.missing);
  }
}
