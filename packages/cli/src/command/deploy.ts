/** `troupe deploy`: a file of definitions, bundled and sent. */
import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { examples, settingsOf } from './settings.ts';

export function addDeploy(program: Command): void {
  program
    .command('deploy')
    .description('bundle a file and deploy the actors, tasks and workflows it exports')
    .argument('<file>', 'a TypeScript or JavaScript module')
    .addHelpText(
      'after',
      examples('troupe deploy src/crew.ts', 'troupe deploy dist/crew.js --tenant acme --json') +
        '\n\nNew actors, tasks and runs use the latest bundle. Actors that exist go over to it by' +
        '\n`troupe rollout start TYPE`, and those whose states keep their version also when they move.',
    )
    .action(async (file: string, _options: object, command: Command) => {
      const settings = settingsOf(command);
      const { terminal, tenant } = settings;
      if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
        throw new UsageError(`${file} is no file; name a TypeScript or JavaScript module`);
      }
      const { bundleFile } = await import('../bundle/bundle.ts');
      const { bytes } = await bundleFile(file);
      const deployed = await withTroupe(settings, (troupe) => troupe.deploy(bytes));
      terminal.answer({ ...deployed, bytes: bytes.length }, () => {
        terminal.line(
          `deployed ${file} for ${tenant}: bundle ${deployed.bundle.slice(0, 12)}, ${Math.ceil(bytes.length / 1024)} KiB`,
        );
        for (const kind of ['actors', 'tasks', 'workflows'] as const) {
          if (deployed[kind].length > 0) {
            terminal.line(terminal.fit(`  ${kind.padEnd(9)} ${deployed[kind].join(', ')}`));
          }
        }
      });
    });
}
