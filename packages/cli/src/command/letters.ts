/** `troupe letters`: letters whose turns have failed for good, and what becomes of them. */
import type { DeadLettersOfActor, DeadLettersPage, DeadLetterView, Troupe } from '@troupe/sdk';
import type { Command } from 'commander';
import { actorOf } from './actor-argument.ts';
import { withTroupe } from './client.ts';
import { confirm } from './confirm.ts';
import { UsageError } from './exit-code.ts';
import { countOf, examples, type Settings, settingsOf } from './settings.ts';

interface DeadOptions {
  readonly type?: string;
  readonly limit: string;
  readonly after?: string;
}

type Named = ReturnType<typeof actorOf>;

export function addLetters(program: Command): void {
  const letters = program
    .command('letters')
    .description('see which letters have failed for good, deliver them anew, discard them')
    .addHelpText('after', examples('troupe letters dead', 'troupe letters redeliver Order/17 3'));
  addDead(letters);
  addRedeliver(letters);
  addDiscard(letters);
}

function addDead(letters: Command): void {
  letters
    .command('dead')
    .description('list the actors that have dead letters, or the dead letters of one')
    .argument('[type/key]', 'those of this actor; its key may hold slashes')
    .option('--type <type>', 'only actors of this type')
    .option('--limit <n>', 'at most so many', '50')
    .option('--after <text>', 'the page after one that ended so')
    .addHelpText('after', examples('troupe letters dead', 'troupe letters dead Order/17 --json'))
    .action(async (actor: string | undefined, options: DeadOptions, command: Command) => {
      const limit = countOf('--limit', options.limit, 1);
      const { type, after } = options;
      const settings = settingsOf(command);
      if (actor === undefined) {
        const asked = { limit, ...(type === undefined ? {} : { type }) };
        const from = after === undefined ? {} : { after };
        const page = await withTroupe(settings, (troupe) =>
          troupe.deadLetters({ ...asked, ...from }),
        );
        return showActors(settings, page);
      }
      if (type !== undefined) throw new UsageError('--type is for the list of all actors');
      const named = actorOf(actor);
      const from = after === undefined ? {} : { after: countOf('--after', after, 0) };
      const page = await withTroupe(settings, (troupe) =>
        troupe.deadLetters.of(named.type, named.key, { limit, ...from }),
      );
      showLetters(settings, page);
    });
}

function addRedeliver(letters: Command): void {
  letters
    .command('redeliver')
    .description(
      'run the method of a dead letter once more; it is dead no longer if that goes well',
    )
    .argument('<type/key>', 'the actor that it was sent to')
    .argument('[number]', 'of the letter')
    .option('--all', 'all that the actor has, the oldest first, until one fails')
    .addHelpText(
      'after',
      examples('troupe letters redeliver Order/17 3', 'troupe letters redeliver Order/17 --all'),
    )
    .action(async (actor: string, text: string | undefined, options: All, command: Command) => {
      const named = actorOf(actor);
      const settings = settingsOf(command);
      const done = await withTroupe(settings, async (troupe) => {
        return await each(troupe, named, chosen(text, options), (number) =>
          troupe.deadLetters.redeliver(named.type, named.key, number),
        );
      });
      tell(settings, actor, done, 'delivered');
    });
}

function addDiscard(letters: Command): void {
  letters
    .command('discard')
    .description('let a dead letter go for good')
    .argument('<type/key>', 'the actor that it was sent to')
    .argument('[number]', 'of the letter')
    .option('--all', 'all that the actor has')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('troupe letters discard Order/17 3 --yes'))
    .action(
      async (
        actor: string,
        text: string | undefined,
        options: All & { readonly yes?: boolean },
        command: Command,
      ) => {
        const named = actorOf(actor);
        const which = chosen(text, options);
        const settings = settingsOf(command);
        const what = which === 'all' ? 'all dead letters' : `dead letter ${which}`;
        await confirm(`${what} of ${actor} will be gone for good`, options.yes === true);
        const done = await withTroupe(settings, async (troupe) => {
          return await each(troupe, named, which, (number) =>
            troupe.deadLetters.discard(named.type, named.key, number),
          );
        });
        tell(settings, actor, done, 'discarded');
      },
    );
}

interface All {
  readonly all?: boolean;
}

function chosen(text: string | undefined, { all = false }: All): number | 'all' {
  if ((text === undefined) !== all) throw new UsageError('name one letter by its number, or --all');
  return text === undefined ? 'all' : countOf('number', text, 1);
}

/** Answers the numbers of those that it was done with. */
async function each(
  troupe: Troupe,
  { type, key }: Named,
  which: number | 'all',
  act: (number: number) => Promise<unknown>,
): Promise<readonly number[]> {
  if (which !== 'all') {
    await act(which);
    return [which];
  }
  const done: number[] = [];
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page: DeadLettersOfActor = await troupe.deadLetters.of(type, key, { after });
    for (const { number } of page.letters) {
      await act(number);
      done.push(number);
    }
    after = page.next;
  }
  return done;
}

function tell({ terminal }: Settings, actor: string, letters: readonly number[], done: string) {
  const what = letters.length === 1 ? `letter ${letters[0]}` : `${letters.length} letters`;
  terminal.answer({ actor, letters, done }, () => terminal.line(`${what} of ${actor}: ${done}`));
}

function showActors({ terminal }: Settings, page: DeadLettersPage): void {
  terminal.answer(page, () => {
    terminal.table(
      [
        { title: 'ACTOR', value: (one) => one.actor },
        { title: 'DEAD', value: (one) => one.count, numeric: true },
        { title: 'OLDEST', value: (one) => timeOf(one.oldestAt) },
        { title: 'LAST METHOD', value: (one) => one.last.method },
        { title: 'LAST ERROR', value: (one) => `${one.last.code}: ${one.last.message}` },
      ],
      page.actors,
    );
    const { silent, unread, next, letters, total } = page;
    if (total > 0) terminal.line(`${letters} dead letters of ${total} actors`);
    if (silent.length > 0) terminal.line(`did not answer: ${silent.join(', ')}`);
    if (unread > 0) terminal.line(`of ${unread} actors it is not known now: ask again`);
    if (next !== undefined) terminal.line(`go on with --after ${next}`);
  });
}

function showLetters({ terminal }: Settings, page: DeadLettersOfActor): void {
  terminal.answer(page, () => {
    terminal.table(
      [
        { title: 'LETTER', value: (one) => one.number, numeric: true },
        { title: 'FROM', value: (one) => one.from },
        { title: 'WAS', value: called },
        { title: 'SINCE', value: (one) => timeOf(one.at) },
        { title: 'ATTEMPTS', value: (one) => one.attempts, numeric: true },
        { title: 'ERROR', value: (one) => `${one.code}: ${one.message}` },
      ],
      page.letters,
    );
    if (page.next === undefined) return;
    terminal.line(`${page.letters.length} of ${page.total}; go on with --after ${page.next}`);
  });
}

const argsLengthMax = 60;

function called({ method, args, bytes }: DeadLetterView): string {
  if (args === undefined) return `${method}(${bytes} bytes)`;
  const text = args.map((one) => JSON.stringify(one) ?? 'undefined').join(', ');
  const shown = text.length > argsLengthMax ? `${text.slice(0, argsLengthMax)}…` : text;
  return `${method}(${shown})`;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
