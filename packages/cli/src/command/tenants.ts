/** `troupe tenants`: who shares the cluster, and by what weight. */
import { isShortName } from '@troupe/model';
import type { Command } from 'commander';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { examples, settingsOf } from './settings.ts';

export function addTenants(program: Command): void {
  const tenants = program
    .command('tenants')
    .description('list tenants, add one or change its weight')
    .addHelpText('after', examples('troupe tenants', 'troupe tenants add acme --weight 3'));

  tenants
    .command('list', { isDefault: true })
    .description('list tenants and their weights')
    .addHelpText('after', examples('troupe tenants list --json'))
    .action(async (_options: object, command: Command) => {
      const settings = settingsOf(command);
      const view = await withTroupe(settings, (troupe) => troupe.status());
      settings.terminal.answer(view.tenants, () =>
        settings.terminal.table(
          [
            { title: 'TENANT', value: (one) => one.tenant },
            { title: 'WEIGHT', value: (one) => one.weight, numeric: true },
          ],
          view.tenants,
        ),
      );
    });

  tenants
    .command('add')
    .description('create a tenant, or give it another weight')
    .argument('<name>')
    .option('--weight <number>', 'its share beside the others', '1')
    .addHelpText('after', examples('troupe tenants add acme', 'troupe tenants add acme --weight 3'))
    .action(async (name: string, options: { weight: string }, command: Command) => {
      const weight = Number(options.weight);
      if (!(weight > 0) || !Number.isFinite(weight)) {
        throw new UsageError(`--weight ${JSON.stringify(options.weight)} is no positive number`);
      }
      if (!isShortName(name)) {
        throw new UsageError(
          `${JSON.stringify(name)} is no name of a tenant: lower-case letters, digits and inner "-"`,
        );
      }
      const settings = settingsOf(command);
      await withTroupe(settings, (troupe) => troupe.putTenant(name, weight));
      settings.terminal.answer({ tenant: name, weight }, () =>
        settings.terminal.line(`tenant ${name} has weight ${weight}`),
      );
    });
}
