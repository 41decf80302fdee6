/** `troupe config`: what a tenant is configured with, shown and changed. */
import { isSecret } from '@troupe/model';
import type { ConfigView, Troupe } from '@troupe/sdk';
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { jsonArgument } from './json-argument.ts';
import { countOf, examples, type Settings, settingsOf } from './settings.ts';

interface ChangeOptions {
  readonly ifVersion?: string;
}

export function addConfig(program: Command): void {
  const config = program
    .command('config')
    .description('show what the tenant is configured with, change it')
    .addHelpText(
      'after',
      examples(
        'troupe config',
        `troupe config set model '"small"'`,
        'troupe config set apiKey secret:env:OPENAI_API_KEY',
        'troupe config unset model',
      ),
    );
  config
    .command('show', { isDefault: true })
    .description('show the latest version; secrets are shown by their references')
    .addHelpText('after', examples('troupe config show --json'))
    .action(async (_options: object, command: Command) => {
      await answer(settingsOf(command), (troupe) => troupe.config.show());
    });
  changes(config, 'set', 'set a value: what begins from then on sees it')
    .argument('<name>')
    .argument('<value>', 'JSON, or a secret: secret:env:NAME, secret:file:/path')
    .addHelpText('after', examples('troupe config set tries 3', 'troupe config set tries 4 --json'))
    .action(async (name: string, text: string, options: ChangeOptions, command: Command) => {
      const value = isSecret(text) ? text : jsonArgument(text, 'the value');
      const of = versionOf(options);
      await answer(settingsOf(command), (troupe) => troupe.config.set({ [name]: value }, of));
    });
  changes(config, 'unset', 'take a value away')
    .argument('<name>')
    .addHelpText('after', examples('troupe config unset tries'))
    .action(async (name: string, options: ChangeOptions, command: Command) => {
      const of = { unset: [name], ...versionOf(options) };
      await answer(settingsOf(command), (troupe) => troupe.config.set({}, of));
    });
}

function changes(config: Command, name: string, description: string): Command {
  return config
    .command(name)
    .description(description)
    .option('--if-version <n>', 'only when this is the latest version');
}

function versionOf({ ifVersion }: ChangeOptions): { readonly version?: number } {
  return ifVersion === undefined ? {} : { version: countOf('--if-version', ifVersion, 0) };
}

async function answer(
  settings: Settings,
  ask: (troupe: Troupe) => Promise<ConfigView>,
): Promise<void> {
  const { terminal } = settings;
  const view = await withTroupe(settings, ask);
  terminal.answer(view, () => {
    terminal.line(`version ${view.version}`);
    terminal.table(
      [
        { title: 'NAME', value: ([name]) => name },
        { title: 'VALUE', value: ([, value]) => JSON.stringify(value) },
      ],
      Object.entries(view.values),
    );
  });
}
