/** `troupe actor`: one actor, shown, made, paused, resumed, stopped and destroyed. */
import { type ActorView, isTypeName, troupeError } from '@troupe/model';
import type { Troupe } from '@troupe/sdk';
import type { Command } from 'commander';
import { activityLines } from './activity.ts';
import { actorOf } from './actor-argument.ts';
import { labelsOf, several } from './actor-labels.ts';
import { withTroupe } from './client.ts';
import { confirm } from './confirm.ts';
import { UsageError } from './exit-code.ts';
import { examples, type Settings, settingsOf } from './settings.ts';

interface CreateOptions {
  readonly label?: readonly string[];
  readonly scope?: string;
  readonly orExisting?: boolean;
}

type Named = ReturnType<typeof actorOf>;

export function addActor(program: Command): void {
  const actor = program
    .command('actor')
    .description('look at one actor, pause it, destroy it')
    .addHelpText(
      'after',
      examples('troupe actor show Counter/visits', 'troupe actor pause Counter/visits'),
    );
  addShow(actor);
  addCreate(actor);
  addDestroy(actor);
  addWish(actor, {
    name: 'pause',
    description: 'let it begin no turn; calls wait until it is resumed, or until their deadline',
    done: 'is paused',
    run: (troupe, { type, key }) => troupe.actors.pause(type, key),
  });
  addWish(actor, {
    name: 'resume',
    description: 'let a paused actor go on with what waits for it',
    done: 'goes on',
    run: (troupe, { type, key }) => troupe.actors.resume(type, key),
  });
  addWish(actor, {
    name: 'stop',
    description: 'let it leave memory as soon as it is idle; the next call brings it back',
    done: 'leaves memory as soon as it is idle',
    run: (troupe, { type, key }) => troupe.actors.stop(type, key),
  });
}

function addShow(actor: Command): void {
  actor
    .command('show')
    .description('where it lives, in what state, what it does now, and what is wrong with it')
    .argument('<type/key>')
    .addHelpText('after', examples('troupe actor show Counter/visits'))
    .action(async (text: string, _options: object, command: Command) => {
      const { type, key } = actorOf(text);
      const settings = settingsOf(command);
      const found = await withTroupe(settings, (troupe) => troupe.actors.show(type, key));
      if (found === undefined) throw troupeError('UNKNOWN_ACTOR', `there is no actor ${text}`);
      show(settings, found);
    });
}

function addCreate(actor: Command): void {
  actor
    .command('create')
    .description('make it before anybody calls it')
    .argument('<type[/key]>', 'without a key it gets one that nobody else has')
    .option('--label <name=value>', 'a label to find it by; may be repeated', several)
    .option('--scope <name>', 'whose clock it shares; its own unless given')
    .option('--or-existing', 'one that is there will do')
    .addHelpText(
      'after',
      examples(
        'troupe actor create Counter/visits --label team=red',
        'troupe actor create Counter',
      ),
    )
    .action(async (text: string, options: CreateOptions, command: Command) => {
      const named = text.includes('/') ? actorOf(text) : { type: text, key: undefined };
      if (!isTypeName(named.type)) throw new UsageError(`${JSON.stringify(text)} is no type`);
      const { label, scope, orExisting } = options;
      const settings = settingsOf(command);
      const made = await withTroupe(settings, (troupe) =>
        troupe.actors.create(named.type, named.key, {
          labels: labelsOf(label),
          ...(scope === undefined ? {} : { scope }),
          ...(orExisting === undefined ? {} : { orExisting }),
        }),
      );
      show(settings, made.view);
    });
}

function addDestroy(actor: Command): void {
  actor
    .command('destroy')
    .description('end it and its state for good; a later call by its name creates another one')
    .argument('<type/key>')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('troupe actor destroy Counter/visits --yes'))
    .action(async (text: string, options: { readonly yes?: boolean }, command: Command) => {
      const { type, key } = actorOf(text);
      const settings = settingsOf(command);
      await confirm(`${text} and all its state go for good`, options.yes === true);
      await withTroupe(settings, (troupe) => troupe.actors.destroy(type, key));
      tell(settings, { type, key }, 'is destroyed');
    });
}

function addWish(
  actor: Command,
  wish: {
    readonly name: string;
    readonly description: string;
    readonly done: string;
    readonly run: (troupe: Troupe, named: Named) => Promise<void>;
  },
): void {
  actor
    .command(wish.name)
    .description(wish.description)
    .argument('<type/key>')
    .addHelpText('after', examples(`troupe actor ${wish.name} Counter/visits`))
    .action(async (text: string, _options: object, command: Command) => {
      const named = actorOf(text);
      const settings = settingsOf(command);
      await withTroupe(settings, (troupe) => wish.run(troupe, named));
      tell(settings, named, wish.done);
    });
}

function tell({ terminal }: Settings, { type, key }: Named, done: string): void {
  const actor = `${type}/${key}`;
  terminal.answer({ actor, done }, () => terminal.line(`${actor} ${done}`));
}

function show({ terminal }: Settings, view: ActorView): void {
  terminal.answer(view, () => {
    const { actor, node, birth, epoch, scope, chain, state, labels = {} } = view;
    const { failure, activity } = view;
    terminal.line(`${actor} is ${state} on ${node}`);
    terminal.line(`birth ${birth}, epoch ${epoch}, scope ${scope}, chain of ${chain}`);
    const named = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    if (named.length > 0) terminal.line(`labels ${named.join(', ')}`);
    for (const line of activity === undefined ? [] : activityLines(activity)) terminal.line(line);
    if (failure !== undefined) terminal.line(`${failure.code}: ${failure.message}`);
  });
}
