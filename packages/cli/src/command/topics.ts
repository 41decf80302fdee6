/** `troupe topics`, `publish`, `subscribe` and `unsubscribe`: durable publish and subscribe. */
import type { TopicView } from '@troupe/model';
import type { Command } from 'commander';
import type { Terminal } from '../terminal/terminal.ts';
import { actorOf } from './actor-argument.ts';
import { withTroupe } from './client.ts';
import { jsonArgument } from './json-argument.ts';
import { countOf, examples, settingsOf } from './settings.ts';

interface TopicsOptions {
  readonly prefix?: string;
  readonly limit: string;
  readonly after?: string;
}

export function addTopics(program: Command): void {
  addList(program);
  addPublish(program);
  addSubscribe(program);
  addUnsubscribe(program);
}

function addList(program: Command): void {
  program
    .command('topics')
    .description('list topics, or show one: its messages, who subscribed, and what waits for whom')
    .argument('[topic]', 'only this one, with its subscribers')
    .option('--prefix <text>', 'names that begin so')
    .option('--limit <n>', 'at most so many topics or subscribers', '50')
    .option('--after <text>', 'the page after one that ended so')
    .addHelpText('after', examples('troupe topics', 'troupe topics prices --json'))
    .action(async (topic: string | undefined, options: TopicsOptions, command: Command) => {
      const limit = countOf('--limit', options.limit, 1);
      const settings = settingsOf(command);
      const { terminal } = settings;
      if (topic !== undefined) {
        const after = options.after === undefined ? 0 : countOf('--after', options.after, 0);
        const view = await withTroupe(settings, (troupe) =>
          troupe.topic(topic).view({ after, limit }),
        );
        return terminal.answer(view, () => show(terminal, view));
      }
      const { prefix, after } = options;
      const asked = {
        limit,
        ...(prefix === undefined ? {} : { prefix }),
        ...(after === undefined ? {} : { after }),
      };
      const found = await withTroupe(settings, (troupe) => troupe.topics(asked));
      terminal.answer(found, () => {
        terminal.table(
          [
            { title: 'TOPIC', value: (one) => one.name },
            { title: 'NODE', value: (one) => one.node },
          ],
          found.topics,
        );
        if (found.next === undefined) return;
        terminal.line(`${found.topics.length} of ${found.total}; go on with --after ${found.next}`);
      });
    });
}

function addPublish(program: Command): void {
  program
    .command('publish')
    .description('publish a message: it comes once to each actor that has subscribed')
    .argument('<topic>', 'its name')
    .argument('<value>', 'a JSON value')
    .option('--text', 'take the value as text instead of JSON')
    .addHelpText(
      'after',
      examples(`troupe publish prices '{"eur": 1.08}'`, 'troupe publish news --text hello'),
    )
    .action(async (topic: string, text: string, options: { text?: boolean }, command: Command) => {
      const value = options.text === true ? text : jsonArgument(text, 'the value');
      const settings = settingsOf(command);
      const number = await withTroupe(settings, (troupe) => troupe.topic(topic).publish(value));
      settings.terminal.answer({ topic, number }, () =>
        settings.terminal.line(`message ${number} of topic ${topic}`),
      );
    });
}

function addSubscribe(program: Command): void {
  program
    .command('subscribe')
    .description('call a method of an actor with each message of a topic from now on')
    .argument('<topic>', 'its name')
    .argument('<type/key>', 'the actor; its key may hold slashes')
    .argument('<method>', 'called with the value, and with the number of the message')
    .addHelpText('after', examples('troupe subscribe prices Trader/ada onPrice'))
    .action(
      async (topic: string, actor: string, method: string, _options: object, command: Command) => {
        const { type, key } = actorOf(actor);
        const settings = settingsOf(command);
        const after = await withTroupe(settings, (troupe) =>
          troupe.topic(topic).subscribe(type, key, method),
        );
        settings.terminal.answer({ topic, actor, method, after }, () =>
          settings.terminal.line(`${actor} has subscribed to ${topic}, after message ${after}`),
        );
      },
    );
}

function addUnsubscribe(program: Command): void {
  program
    .command('unsubscribe')
    .description('let no more messages come to an actor; those that it has not taken are withdrawn')
    .argument('<topic>', 'its name')
    .argument('<type/key>', 'the actor; its key may hold slashes')
    .addHelpText('after', examples('troupe unsubscribe prices Trader/ada'))
    .action(async (topic: string, actor: string, _options: object, command: Command) => {
      const { type, key } = actorOf(actor);
      const settings = settingsOf(command);
      const had = await withTroupe(settings, (troupe) =>
        troupe.topic(topic).unsubscribe(type, key),
      );
      settings.terminal.answer({ topic, actor, had }, () =>
        settings.terminal.line(
          had ? `${actor} has no more messages of ${topic}` : `${actor} had not subscribed`,
        ),
      );
    });
}

function show(terminal: Terminal, view: TopicView): void {
  const { topic, published, subscribers, kept, keptBytes, waiting, page, next } = view;
  terminal.line(`topic ${topic}: ${published} messages, ${subscribers} subscribers`);
  if (kept > 0) terminal.line(`${kept} messages (${keptBytes} bytes) are not on their way to all`);
  if (waiting > 0) terminal.line(`${waiting} on their way are not taken`);
  terminal.table(
    [
      { title: 'SUBSCRIBER', value: (one) => `${one.type}/${one.key}` },
      { title: 'METHOD', value: (one) => one.method },
      { title: 'AFTER', value: (one) => one.after, numeric: true },
      { title: 'WAITING', value: (one) => one.waiting, numeric: true },
    ],
    page,
  );
  if (next !== undefined) terminal.line(`go on with --after ${next}`);
}
