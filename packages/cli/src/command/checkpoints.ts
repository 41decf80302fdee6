/** `troupe checkpoints` and `restore`: the versions of an actor that are kept. */
import { readFileSync, writeFileSync } from 'node:fs';
import { failureOf } from '@troupe/model';
import type { Checkpoint, DamagedCheckpoint } from '@troupe/sdk';
import type { Command } from 'commander';
import { duration } from '../terminal/duration.ts';
import { sizeOf } from './activity.ts';
import { actorOf } from './actor-argument.ts';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { countOf, examples, settingsOf } from './settings.ts';

type Listed = Checkpoint | DamagedCheckpoint;

export function addCheckpoints(program: Command): void {
  const checkpoints = program
    .command('checkpoints')
    .description('see the checkpoints of an actor that are kept, compare, pin and copy them')
    .addHelpText(
      'after',
      examples('troupe checkpoints Counter/visits', 'troupe checkpoints show Counter/visits 4711'),
    );
  addList(checkpoints);
  addShow(checkpoints);
  addPin(checkpoints, 'pin', 'keep one until it is unpinned or its actor is destroyed');
  addPin(checkpoints, 'unpin', 'keep one no longer than others');
  addDiff(checkpoints);
  addFork(checkpoints);
  addExport(checkpoints);
  addImportOf(checkpoints);
  addRestore(program);
}

function addDiff(checkpoints: Command): void {
  checkpoints
    .command('diff')
    .description('what leads from the state of one to that of another')
    .argument('<type/key>', 'the actor')
    .argument('<from>', 'number of a checkpoint')
    .argument('<to>', 'number of another')
    .addHelpText('after', examples('troupe checkpoints diff Counter/visits 4711 4720'))
    .action(async (text: string, from: string, to: string, _options: object, command: Command) => {
      const { type, key } = actorOf(text);
      const between = [countOf('from', from, 1), countOf('to', to, 1)] as const;
      const settings = settingsOf(command);
      const found = await withTroupe(settings, (troupe) =>
        troupe.checkpoints.diff(type, key, between),
      );
      settings.terminal.answer(found, () => {
        if (found.length === 0) return settings.terminal.line('their states are the same');
        const shown = (one: object, side: 'before' | 'after') =>
          side in one ? (JSON.stringify((one as Record<string, unknown>)[side]) ?? '') : '-';
        settings.terminal.table(
          [
            { title: 'PLACE', value: (one) => one.place },
            { title: 'BEFORE', value: (one) => shown(one, 'before') },
            { title: 'AFTER', value: (one) => shown(one, 'after') },
          ],
          found,
        );
      });
    });
}

function addFork(checkpoints: Command): void {
  checkpoints
    .command('fork')
    .description('make a new actor of the type with the state of a checkpoint')
    .argument('<type/key>', 'the actor')
    .argument('<checkpoint>', 'its number, as listed')
    .argument('<key>', 'of the new actor')
    .option('--scope <name>', 'of the new actor; its own unless given')
    .addHelpText('after', examples('troupe checkpoints fork Order/17 4711 17-what-if'))
    .action(async (text: string, number: string, to: string, options: Scoped, command: Command) => {
      const { type, key } = actorOf(text);
      const id = countOf('checkpoint', number, 1);
      const settings = settingsOf(command);
      await withTroupe(settings, (troupe) =>
        troupe.checkpoints.fork(type, key, id, { key: to, ...scopeOf(options) }),
      );
      settings.terminal.answer({ actor: `${type}/${to}`, of: text, checkpoint: id }, () =>
        settings.terminal.line(`${type}/${to} begins as ${text} was at checkpoint ${id}`),
      );
    });
}

function addExport(checkpoints: Command): void {
  checkpoints
    .command('export')
    .description('write the state of a checkpoint to a file')
    .argument('<type/key>', 'the actor')
    .argument('<checkpoint>', 'its number, as listed')
    .argument('<file>', 'that is to be written')
    .addHelpText('after', examples('troupe checkpoints export Order/17 4711 order-17.checkpoint'))
    .action(
      async (text: string, number: string, file: string, _options: object, command: Command) => {
        const { type, key } = actorOf(text);
        const id = countOf('checkpoint', number, 1);
        const settings = settingsOf(command);
        const bytes = await withTroupe(settings, (troupe) =>
          troupe.checkpoints.export(type, key, id),
        );
        writeExported(file, bytes);
        settings.terminal.answer({ file, bytes: bytes.length }, () =>
          settings.terminal.line(
            `${file} holds ${text} at checkpoint ${id}: ${sizeOf(bytes.length)}`,
          ),
        );
      },
    );
}

function addImportOf(checkpoints: Command): void {
  checkpoints
    .command('import')
    .description('make a new actor with a state that was exported, here or in another cluster')
    .argument('<file>', 'that was exported')
    .argument('<type/key>', 'the new actor')
    .option('--scope <name>', 'of the new actor; its own unless given')
    .addHelpText('after', examples('troupe checkpoints import order-17.checkpoint Order/17'))
    .action(async (file: string, text: string, options: Scoped, command: Command) => {
      const { type, key } = actorOf(text);
      const bytes = readExported(file);
      const settings = settingsOf(command);
      await withTroupe(settings, (troupe) =>
        troupe.checkpoints.import(type, bytes, { key, ...scopeOf(options) }),
      );
      settings.terminal.answer({ actor: text, file }, () =>
        settings.terminal.line(`${text} begins with the state in ${file}`),
      );
    });
}

function addRestore(program: Command): void {
  program
    .command('restore')
    .description('take an actor back to a checkpoint, and with it its whole scope')
    .argument('<type/key>', 'the actor')
    .argument('<checkpoint>', 'its number, as `troupe checkpoints` lists it')
    .addHelpText('after', examples('troupe restore Order/17 4711'))
    .action(async (text: string, number: string, _options: object, command: Command) => {
      const { type, key } = actorOf(text);
      const id = countOf('checkpoint', number, 1);
      const settings = settingsOf(command);
      const restored = await withTroupe(settings, (troupe) =>
        troupe.checkpoints.restore(type, key, id),
      );
      settings.terminal.answer({ actor: text, checkpoint: id, ...restored }, () => {
        settings.terminal.line(`${text} went back to checkpoint ${id}`);
        settings.terminal.table(
          [
            { title: 'ACTOR', value: ([actor]) => actor },
            { title: 'TURN', value: ([, turn]) => turn, numeric: true },
          ],
          Object.entries(restored.line),
        );
      });
    });
}

interface Scoped {
  readonly scope?: string;
}

function scopeOf({ scope }: Scoped): Scoped {
  return scope === undefined ? {} : { scope };
}

function writeExported(file: string, bytes: Uint8Array): void {
  try {
    writeFileSync(file, bytes);
  } catch (cause) {
    throw new UsageError(`${file} cannot be written: ${failureOf(cause).message}`);
  }
}

function readExported(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new UsageError(`${file} cannot be read: ${failureOf(cause).message}`);
  }
}

function addList(checkpoints: Command): void {
  checkpoints
    .command('list', { isDefault: true })
    .description('list them, the newest first; each is read for it, and a damaged one says so')
    .argument('<type/key>', 'the actor; its key may hold slashes')
    .option('--abandoned', 'also those of turns that its scope went back behind')
    .addHelpText('after', examples('troupe checkpoints Counter/visits --json'))
    .action(async (text: string, options: { abandoned?: boolean }, command: Command) => {
      const { type, key } = actorOf(text);
      const settings = settingsOf(command);
      const found = await withTroupe(settings, (troupe) =>
        troupe.checkpoints.list(type, key, options),
      );
      settings.terminal.answer(found, () => {
        if (found.length === 0) return settings.terminal.line(`none of ${text} yet`);
        settings.terminal.table(
          [
            { title: 'CHECKPOINT', value: ({ id }) => id, numeric: true },
            { title: 'TURN', value: (one) => ('turn' in one ? one.turn : '-'), numeric: true },
            { title: 'MADE', value: (one) => ('at' in one ? one.at.toISOString() : '-') },
            { title: 'CAUSE', value: causeOf },
            { title: 'TOOK', value: tookOf, numeric: true },
            { title: 'SIZE', value: ({ bytes }) => sizeOf(bytes), numeric: true },
            { title: 'PINNED', value: ({ pinned }) => (pinned ? 'yes' : '') },
            ...(options.abandoned === true ? [abandonedColumn] : []),
          ],
          found,
        );
        for (const one of found) {
          if ('failure' in one)
            settings.terminal.line(`${one.failure.code}: ${one.failure.message}`);
        }
      });
    });
}

const abandonedColumn = {
  title: 'ABANDONED',
  value: (one: Listed) => ('abandoned' in one ? 'yes' : ''),
};

function addShow(checkpoints: Command): void {
  checkpoints
    .command('show')
    .description('show what a checkpoint says, and the state that it holds')
    .argument('<type/key>', 'the actor')
    .argument('<checkpoint>', 'its number, as listed')
    .addHelpText('after', examples('troupe checkpoints show Counter/visits 4711 --json'))
    .action(async (text: string, number: string, _options: object, command: Command) => {
      const { type, key } = actorOf(text);
      const id = countOf('checkpoint', number, 1);
      const settings = settingsOf(command);
      const shown = await withTroupe(settings, (troupe) => troupe.checkpoints.show(type, key, id));
      settings.terminal.answer(shown, () => {
        const { turn, epoch, at, bytes, clock, state } = shown;
        settings.terminal.line(
          `checkpoint ${id} of ${text}: turn ${turn}, epoch ${epoch}, made ${at.toISOString()}`,
        );
        const cause = causeOf(shown);
        const why = cause === '' ? '' : `, for ${cause}, in ${tookOf(shown)}`;
        settings.terminal.line(`${sizeOf(bytes)}${why}${shown.pinned ? ', pinned' : ''}`);
        const known = Object.entries(clock).map(([actor, at]) => `${actor}@${at}`);
        settings.terminal.line(`knows ${known.length === 0 ? 'nothing' : known.join(', ')}`);
        settings.terminal.line(JSON.stringify(state, undefined, 2) ?? 'undefined');
      });
    });
}

function addPin(checkpoints: Command, name: 'pin' | 'unpin', description: string): void {
  checkpoints
    .command(name)
    .description(description)
    .argument('<type/key>', 'the actor')
    .argument('<checkpoint>', 'its number, as listed')
    .addHelpText('after', examples(`troupe checkpoints ${name} Counter/visits 4711`))
    .action(async (text: string, number: string, _options: object, command: Command) => {
      const { type, key } = actorOf(text);
      const id = countOf('checkpoint', number, 1);
      const settings = settingsOf(command);
      await withTroupe(settings, (troupe) => troupe.checkpoints[name](type, key, id));
      settings.terminal.answer({ actor: text, checkpoint: id, pinned: name === 'pin' }, () =>
        settings.terminal.line(`checkpoint ${id} of ${text} is ${name}ned`),
      );
    });
}

function causeOf(one: Listed): string {
  return 'failure' in one ? 'damaged' : (one.cause ?? '');
}

function tookOf(one: Listed): string {
  return 'failure' in one || one.tookMs === undefined ? '-' : duration(one.tookMs);
}
