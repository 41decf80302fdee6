/** `troupe savepoint`, `savepoints`, `line` and `rewind`: lines through the actors of a scope. */
import { isShortName } from '@troupe/model';
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { countOf, examples, settingsOf, shortNameRule } from './settings.ts';

export function addScopes(program: Command): void {
  program
    .command('savepoint')
    .description('name the last consistent line through the actors of a scope; nobody is stopped')
    .argument('<scope>')
    .argument('<name>', 'of the savepoint')
    .option('--drop', 'forget the savepoint of this name')
    .addHelpText(
      'after',
      examples('troupe savepoint bank monday', 'troupe savepoint bank monday --drop'),
    )
    .action(savepoint);

  program
    .command('line')
    .description('show a line through a scope, who is beyond it, and what that has done to others')
    .argument('<scope>')
    .option('--to <Type/key@turn>', 'the last line with this turn before it')
    .option('--savepoint <name>', 'the line of this savepoint')
    .addHelpText(
      'after',
      examples('troupe line bank --to Account/a@17', 'troupe line bank --savepoint monday --json'),
    )
    .action(showLine);

  program
    .command('rewind')
    .description('take all actors of a scope back to a line; what they did to others stays done')
    .argument('<scope>')
    .option('--to <Type/key@turn>', 'the last line with this turn before it')
    .option('--savepoint <name>', 'the line of this savepoint')
    .option('--dry-run', 'show what it would take back, as `troupe line` does')
    .addHelpText(
      'after',
      examples(
        'troupe rewind bank --savepoint monday --dry-run',
        'troupe rewind bank --to Account/a@17',
      ),
    )
    .action(rewind);

  program
    .command('savepoints')
    .description('list the savepoints of a scope')
    .argument('<scope>')
    .addHelpText('after', examples('troupe savepoints bank', 'troupe savepoints bank --json'))
    .action(async (scope: string, _options: object, command: Command) => {
      const settings = settingsOf(command);
      const found = await withTroupe(settings, (troupe) => troupe.scope(scope).savepoints());
      const listed = found.map(({ name, at, line }) => ({ name, at: at.toISOString(), line }));
      settings.terminal.answer(listed, () => {
        if (listed.length === 0) return settings.terminal.line(`none of ${scope}`);
        settings.terminal.table(
          [
            { title: 'SAVEPOINT', value: (one) => one.name },
            { title: 'MADE', value: (one) => one.at },
            { title: 'ACTORS', value: (one) => Object.keys(one.line).length, numeric: true },
          ],
          listed,
        );
      });
    });
}

async function showLine(
  scope: string,
  options: { readonly to?: string; readonly savepoint?: string },
  command: Command,
): Promise<void> {
  const settings = settingsOf(command);
  const to = targetOf(options, settings.tenant);
  const shown = await withTroupe(settings, (troupe) => troupe.scope(scope).line(to));
  settings.terminal.answer({ scope, ...shown }, () => {
    const { terminal } = settings;
    terminal.table(
      [
        { title: 'ACTOR', value: ([actor]) => actor },
        { title: 'LINE', value: ([, turn]) => turn, numeric: true },
        { title: 'LAST', value: ([actor]) => shown.last[actor] ?? 0, numeric: true },
        { title: 'KEPT FROM', value: ([actor]) => shown.earliest[actor] ?? '-', numeric: true },
      ],
      Object.entries(shown.line),
    );
    if (shown.blockCount > 0) {
      const cut =
        shown.blocks.length < shown.blockCount ? `, of which ${shown.blocks.length} are named` : '';
      terminal.line(
        `${shown.blockCount} blocks of runs were answered beyond it, or wait for that${cut}`,
      );
      terminal.table(
        [
          { title: 'RUN', value: (one) => one.run, whole: true },
          { title: 'RUN IS', value: (one) => one.runState },
          { title: 'BLOCK', value: (one) => one.block, whole: true },
          { title: 'BLOCK IS', value: (one) => one.state },
          { title: 'ACTOR', value: (one) => one.actor },
          { title: 'TURN', value: (one) => one.turn, numeric: true },
          { title: 'CALLS', value: (one) => one.calls, numeric: true },
        ],
        shown.blocks,
      );
      terminal.line('they stay as they are; when its run has ended, one starts anew by');
      terminal.line('  troupe runs again RUN --block BLOCK');
    }
    if (shown.effectCount === 0) return terminal.line('nothing beyond it has left the scope');
    terminal.line(`${shown.effectCount} effects on others lie beyond it`);
    terminal.table(
      [
        { title: 'ACTOR', value: (one) => one.actor },
        { title: 'TURN', value: (one) => one.turn, numeric: true },
        { title: 'EFFECT', value: (one) => one.kind },
        { title: 'ON', value: (one) => one.what },
      ],
      shown.effects,
    );
  });
}

async function rewind(
  scope: string,
  options: { readonly to?: string; readonly savepoint?: string; readonly dryRun?: boolean },
  command: Command,
): Promise<void> {
  if (options.dryRun === true) return await showLine(scope, options, command);
  const settings = settingsOf(command);
  const to = targetOf(options, settings.tenant);
  const rewound = await withTroupe(settings, (troupe) => troupe.scope(scope).rewind(to));
  const { line, incarnation } = rewound;
  settings.terminal.answer({ scope, line, incarnation }, () => {
    settings.terminal.line(`${scope} went back, to its incarnation ${incarnation}`);
    settings.terminal.table(
      [
        { title: 'ACTOR', value: ([actor]) => actor },
        { title: 'TURN', value: ([, turn]) => turn, numeric: true },
      ],
      Object.entries(line),
    );
  });
}

function targetOf(
  { to, savepoint: name }: { readonly to?: string; readonly savepoint?: string },
  tenant: string,
) {
  if ((to === undefined) === (name === undefined)) {
    throw new UsageError('say to where: by --to Type/key@turn or by --savepoint name');
  }
  if (name !== undefined) return { savepoint: name };
  const [, actor, turn] = /^(.+)@(\d+)$/s.exec(to ?? '') ?? [];
  if (actor === undefined || turn === undefined || !actor.includes('/')) {
    throw new UsageError(`${JSON.stringify(to)} is no turn: write Type/key@turn`);
  }
  return { actor: `${tenant}/${actor}`, turn: countOf('--to', turn, 0) };
}

async function savepoint(
  scope: string,
  name: string,
  options: { readonly drop?: boolean },
  command: Command,
): Promise<void> {
  if (!isShortName(name))
    throw new UsageError(`${JSON.stringify(name)} is no name of a savepoint: ${shortNameRule}`);
  const settings = settingsOf(command);
  if (options.drop === true) {
    await withTroupe(settings, async (troupe) => {
      const found = (await troupe.scope(scope).savepoints()).find((one) => one.name === name);
      await found?.drop();
    });
    settings.terminal.answer({ scope, savepoint: name, dropped: true }, () =>
      settings.terminal.line(`savepoint ${name} of ${scope} is forgotten`),
    );
    return;
  }
  const made = await withTroupe(settings, (troupe) => troupe.scope(scope).savepoint(name));
  const { line, at } = made;
  settings.terminal.answer({ scope, savepoint: name, at: at.toISOString(), line }, () => {
    settings.terminal.line(`savepoint ${name} of ${scope}, made ${at.toISOString()}`);
    settings.terminal.table(
      [
        { title: 'ACTOR', value: ([actor]) => actor },
        { title: 'TURN', value: ([, turn]) => turn, numeric: true },
      ],
      Object.entries(line),
    );
  });
}
