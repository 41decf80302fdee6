/** `troupe send`: a letter to an actor. */
import type { PriorityName } from '@troupe/model';
import { type Command, Option } from 'commander';
import { actorOf } from './actor-argument.ts';
import { withTroupe } from './client.ts';
import { UsageError } from './exit-code.ts';
import { argumentsOf } from './json-argument.ts';
import { countOf, examples, settingsOf, spanOf } from './settings.ts';

interface SendOptions {
  readonly text?: boolean;
  readonly delay?: string;
  readonly priority?: PriorityName;
  readonly retries?: string;
  readonly backoff?: string;
  readonly key?: string;
  readonly deadline?: string;
}

export function addSend(program: Command): void {
  program
    .command('send')
    .description('send a letter to an actor: it takes effect once, and nobody waits for that')
    .argument('<type/key>', 'the actor; its key may hold slashes')
    .argument('<method>')
    .argument('[args...]', 'each a JSON value')
    .option('--text', 'take every argument as text instead of JSON')
    .option('--delay <span>', 'how long it waits until it leaves: 10m')
    .addOption(
      new Option('--priority <name>', 'among all that waits for the actor').choices([
        'low',
        'normal',
        'high',
      ]),
    )
    .option('--retries <n>', 'tries after the first when its turn fails, or unlimited')
    .option('--backoff <span>', 'wait before each further try')
    .option('--key <text>', 'of all letters to the actor with this key one takes effect')
    .option('--deadline <ms>', 'time in which it must be accepted')
    .addHelpText(
      'after',
      examples(
        'troupe send Account/a deposit 5',
        'troupe send Account/a deposit 5 --delay 10m --key order-17',
        'troupe send Account/a deposit 5 --retries 5 --backoff 10s',
      ),
    )
    .action(
      async (
        actor: string,
        method: string,
        texts: string[],
        options: SendOptions,
        command: Command,
      ) => {
        const { type, key } = actorOf(actor);
        const args = argumentsOf(texts, options.text === true);
        const delivery = deliveryOf(options);
        const settings = settingsOf(command);
        await withTroupe(settings, async (troupe) => {
          const send = troupe.send(type, key, delivery)[method];
          if (send === undefined) throw new UsageError(`${JSON.stringify(method)} is no method`);
          await send(...args);
        });
        const { delay } = options;
        const sent = { sent: `${type}/${key}`, method };
        settings.terminal.answer(sent, () =>
          settings.terminal.line(
            `the letter to ${type}/${key} is durable${delay === undefined ? '' : `, and leaves after ${delay}`}`,
          ),
        );
      },
    );
}

function deliveryOf({ delay, priority, retries, backoff, key, deadline }: SendOptions) {
  return {
    ...(delay === undefined ? {} : { delayMs: spanOf('--delay', delay) }),
    ...(priority === undefined ? {} : { priority }),
    ...(retries === undefined ? {} : { retries: triesOf(retries) }),
    ...(backoff === undefined ? {} : { backoffMs: spanOf('--backoff', backoff) }),
    ...(key === undefined ? {} : { idempotencyKey: key }),
    ...(deadline === undefined ? {} : { deadlineMs: countOf('--deadline', deadline, 1) }),
  };
}

function triesOf(text: string): number | 'unlimited' {
  return text === 'unlimited' ? text : countOf('--retries', text, 0);
}
