/** `troupe rollout`: actors of a type go over to another bundle, in waves, or back. */
import type { CodeVersion, Rollout, RolloutOptions, Troupe } from '@troupe/sdk';
import type { Command } from 'commander';
import type { Terminal } from '../terminal/terminal.ts';
import { withTroupe } from './client.ts';
import { countOf, examples, type Settings, settingsOf, spanOf } from './settings.ts';

interface PaceOptions {
  readonly atOnce: string;
  readonly pause: string;
  readonly failuresMax: string;
  readonly discard?: boolean;
  readonly to?: string;
}

export function addRollout(program: Command): void {
  const rollout = program
    .command('rollout')
    .description('bring the actors of a type to another bundle, in waves, or back')
    .addHelpText(
      'after',
      examples(
        'troupe rollout start Librarian --at-once 50 --pause 10s',
        'troupe rollout',
        'troupe rollout undo Librarian',
      ),
    );
  rollout
    .command('status', { isDefault: true })
    .description('show the last rollout of each type: who has which version, and what failed')
    .argument('[type]')
    .addHelpText('after', examples('troupe rollout status Librarian --json'))
    .action(async (type: string | undefined, _options: object, command: Command) => {
      await showAll(settingsOf(command), type);
    });
  paced(rollout.command('start'))
    .description('begin one, to the bundle that was deployed last; it goes on by itself')
    .argument('<type>')
    .option('--to <bundle>', 'hash of another bundle that was deployed')
    .addHelpText('after', examples('troupe rollout start Librarian --failures-max 5'))
    .action(async (type: string, options: PaceOptions, command: Command) => {
      const { to } = options;
      const of = { ...paceOf(options), ...(to === undefined ? {} : { bundle: to }) };
      await answer(settingsOf(command), (troupe) => troupe.rollouts.start(type, of));
    });
  paced(rollout.command('undo'))
    .description('back to what was deployed before the last one')
    .argument('<type>')
    .option(
      '--discard',
      'also actors that took turns since: what these did to the state is given up',
    )
    .addHelpText('after', examples('troupe rollout undo Librarian'))
    .action(async (type: string, options: PaceOptions, command: Command) => {
      const of = paceOf(options);
      await answer(settingsOf(command), (troupe) => troupe.rollouts.undo(type, of));
    });
  for (const [name, description] of [
    ['pause', 'begin no further wave'],
    ['resume', 'go on with one that is paused or was stopped, or try again what failed'],
  ] as const) {
    rollout
      .command(name)
      .description(description)
      .argument('<type>')
      .addHelpText('after', examples(`troupe rollout ${name} Librarian`))
      .action(async (type: string, _options: object, command: Command) => {
        await answer(settingsOf(command), (troupe) => troupe.rollouts[name](type));
      });
  }
}

function paced(command: Command): Command {
  return command
    .option('--at-once <n>', 'actors of one wave', '100')
    .option('--pause <time>', 'between two waves, such as 500ms, 10s', '0s')
    .option('--failures-max <n>', 'stop when more have failed', '0');
}

function paceOf({ atOnce, pause, failuresMax, discard }: PaceOptions): RolloutOptions {
  return {
    atOnce: countOf('--at-once', atOnce, 1),
    pauseMs: spanOf('--pause', pause),
    failuresMax: countOf('--failures-max', failuresMax, 0),
    ...(discard === true ? { discard } : {}),
  };
}

async function answer(
  settings: Settings,
  ask: (troupe: Troupe) => Promise<Rollout>,
): Promise<void> {
  const { terminal } = settings;
  const rollout = await withTroupe(settings, ask);
  terminal.answer(rollout, () => show(terminal, rollout));
}

async function showAll(settings: Settings, type: string | undefined): Promise<void> {
  const { terminal } = settings;
  const all = await withTroupe(settings, (troupe) => troupe.rollouts.list());
  const rollouts = type === undefined ? all : all.filter((one) => one.type === type);
  terminal.answer(rollouts, () => {
    if (rollouts.length === 0) terminal.line('no rollouts');
    for (const rollout of rollouts) show(terminal, rollout);
  });
}

function show(terminal: Terminal, rollout: Rollout): void {
  const { type, state, to, underWay, failed, actors, failures } = rollout;
  const counts = `${underWay} under way, ${failed} failed`;
  terminal.line(`${type}: ${state}, to ${nameOf(to)}; ${counts}`);
  terminal.table(
    [
      { title: 'VERSION', value: (one) => one.version, numeric: true },
      { title: 'BUNDLE', value: (one) => one.bundle.slice(0, 12) },
      { title: 'ACTORS', value: (one) => one.count, numeric: true },
    ],
    actors,
  );
  for (const { actor, code, message } of failures) {
    terminal.line(terminal.fit(`  ${actor}: ${code}: ${message}`));
  }
}

function nameOf({ bundle, version }: CodeVersion): string {
  return `version ${version} (${bundle.slice(0, 12)})`;
}
